"""What a router is told by its environment."""

from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from pydantic import Field, SecretStr, field_validator, model_validator

from router.spots import parse_spots
from router.table import BUCKETS, SEED
from shared.settings import Settings


class Membership(StrEnum):
    REGISTRY = "registry"
    DNS = "dns"
    LIST = "list"


class PlaneKind(StrEnum):
    RELAY = "relay"
    KERNEL = "kernel"


class RouterSettings(Settings):
    """The settings of a router."""

    name: str = Field("router", pattern=r"^[A-Za-z0-9._-]{1,64}$", description="This router's name, for logs.")
    plane: PlaneKind = Field(PlaneKind.RELAY, description="relay (anywhere) or kernel (nftables: Linux and root).")
    host: str = Field("127.0.0.1", description="The address that the two virtual services listen at.")
    read_port: int = Field(8000, ge=0, le=65535, description="Port of the virtual service read.")
    write_port: int = Field(8001, ge=0, le=65535, description="Port of the virtual service write.")
    admin_host: str = Field("127.0.0.1", description="The address of /live, /ready and /metrics of the router itself.")
    admin_port: int = Field(0, ge=0, le=65535, description="Their port; 0 takes a free one.")
    proxy_secret: SecretStr | None = Field(None, description="Sent in PROXY v2 headers, so that gateways believe them.")
    connect_timeout_s: float = Field(2.0, gt=0, le=60, description="Longest wait for a gateway to take a connection.")
    epsilon: float = Field(0.25, gt=0, le=10, description="How far above the mean a gateway may be loaded.")
    idle_timeout_s: float = Field(600.0, gt=0, le=86400, description="A relayed connection idle for that long (or twice) ends.")
    max_connections: int = Field(9_000, ge=1, description="Connections that a relay process has at most (two files each).")
    relay_workers: int = Field(1, ge=1, le=64, description="Processes of the relay, on the same ports.")
    relay_sources: str = Field(
        "", description="Addresses of this machine that gateways are called from, in turn; each has 28,000 ports a gateway."
    )
    max_per_source: int = Field(0, ge=0, description="Connections of one address, in one relay process; 0: no limit.")
    drain_s: float = Field(0.5, ge=0, le=3600, description="On stop: how long a relay's connections may go on, at most.")
    front: str = Field("", description="Networks (a TLS terminator) whose connections begin with a PROXY v2 header.")
    buffer_bytes: int = Field(64 << 10, ge=4 << 10, description="Bytes held a direction before the sender is paused.")

    membership: Membership = Field(Membership.REGISTRY, description="Who tells of gateways: registry (Redis), dns or list.")
    read_gateways: str = Field("", description="With dns or list: HOST:PORT or HOST:PORT*WEIGHT, separated by commas.")
    write_gateways: str = Field("", description="Likewise, of write.")
    membership_s: float = Field(0.5, ge=0.05, le=60, description="Members are read this often.")
    probe_s: float = Field(0.5, ge=0.05, le=60, description="Pause between two looks at each gateway's /ready.")
    probe_timeout_s: float = Field(1.0, gt=0, le=60, description="A gateway that has not answered a look by then is silent.")
    rise: int = Field(2, ge=1, le=100, description="Looks in a row that find a gateway ready, to take it back.")
    fall: int = Field(3, ge=1, le=100, description="Looks in a row that find it not ready or silent, to take it out.")
    flap_hold_s: float = Field(
        10.0, ge=0, le=600, description="How long a third fall within 5 min holds it out; then twice that."
    )
    buckets: int = Field(
        BUCKETS, ge=4096, le=1 << 20, description="Buckets of the table; the same power of two in all routers."
    )
    hash_seed: int = Field(SEED, ge=0, lt=1 << 32, description="Seed of the addresses' hash; the same in all routers.")

    @field_validator("buckets")
    @classmethod
    def _power_of_two(cls, buckets: int) -> int:
        if buckets & (buckets - 1):
            raise ValueError("must be a power of two")
        return buckets

    @field_validator("read_gateways", "write_gateways")
    @classmethod
    def _spots(cls, text: str) -> str:
        parse_spots(text)
        return text

    @field_validator("relay_sources")
    @classmethod
    def _addresses(cls, text: str) -> str:
        parse_addresses(text)
        return text

    @field_validator("front")
    @classmethod
    def _networks(cls, text: str) -> str:
        parse_networks(text)
        return text

    @model_validator(mode="after")
    def _address(self) -> "RouterSettings":
        if self.plane is PlaneKind.KERNEL:
            try:
                ip_address(self.host)
            except ValueError:
                raise ValueError("RINGPOST_PLANE=kernel needs an IP address as RINGPOST_HOST") from None
        return self

    @model_validator(mode="after")
    def _members(self) -> "RouterSettings":
        if self.membership is not Membership.REGISTRY and not (self.read_gateways and self.write_gateways):
            raise ValueError(
                f"RINGPOST_MEMBERSHIP={self.membership} needs RINGPOST_READ_GATEWAYS and RINGPOST_WRITE_GATEWAYS (HOST:PORT, …)"
            )
        return self


def parse_networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Return the networks that *text* lists; raise ValueError where it lists something else."""
    return [ip_network(part.strip()) for part in text.split(",") if part.strip()]


def parse_addresses(text: str) -> list[IPv4Address | IPv6Address]:
    """Return the addresses that *text* lists; raise ValueError where it lists something else."""
    return [ip_address(part.strip()) for part in text.split(",") if part.strip()]

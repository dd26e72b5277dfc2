"""What a gateway is told by its environment."""

import re
import socket
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from shared.auth import RATE_LEAST, RATE_MOST
from shared.settings import Settings
from shared.web.origins import parse_origins

AUTO = "auto"


class Role(StrEnum):
    READ = "read"
    WRITE = "write"
    BOTH = "both"

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools that a gateway of this role stands in, which are also the roles that its welcome lists."""
        return ("read", "write") if self is Role.BOTH else (self.value,)


def name_here(settings: dict[str, Any]) -> str:
    """Return a name that no other gateway has, if each has a machine (a container, a pod) of its own."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", f"{settings['role']}-{socket.gethostname()}")[:64]


class GatewaySettings(Settings):
    """The settings of a gateway, read or write or both."""

    role: Role = Field(Role.BOTH, description="read, write, or both: what this gateway does.")
    name: str = Field(
        default_factory=name_here,
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="This gateway's name, unique in its pools; if not set, its role and the machine's name.",
    )
    host: str = Field("127.0.0.1", description="The address to listen at.")
    port: int = Field(0, ge=0, le=65535, description="The port to listen at; 0 takes a free one.")
    weight: int = Field(1, ge=1, le=16, description="One of weight 2 gets twice as many clients as one of weight 1.")
    advertise: str | None = Field(
        None, description="HOST that routers connect to, if not the one listened at; auto: the address that Redis sees."
    )

    postgres_url: SecretStr = Field(description="Postgres, as a URL (postgresql://user:password@host:port/database).")
    postgres_password: SecretStr | None = Field(None, description="Its password, if the URL has none.")
    postgres_timeout_s: float = Field(5.0, gt=0, le=60, description="Longest wait for one answer of Postgres, in seconds.")
    postgres_connections: int = Field(4, ge=1, le=100, description="Connections to Postgres for reading.")

    jwt_key: SecretStr = Field(description="What tokens are verified with: a secret of 32 bytes or more, or a PEM public key.")
    jwt_algorithm: str = Field(
        "HS256", pattern="^(HS256|RS256|ES256|EdDSA)$", description="How tokens are signed: HS256, RS256, ES256 or EdDSA."
    )
    admin_key: SecretStr | None = Field(None, description="Key of the host product's server: rpa_ and 32 characters or more.")
    dev_tokens: bool = Field(False, description="Hand a token to whoever asks (POST /v1/dev/token). Never in production.")

    proxy_from: str = Field("", description="Networks whose PROXY v2 headers are believed, separated by commas.")
    proxy_secret: SecretStr | None = Field(None, description="Believe a PROXY v2 header that carries this secret.")
    origins: str = Field("", description="Origins of pages that may call, separated by commas; empty: the two public URLs.")
    page: bool = Field(True, description="Serve the chat page at / (a gateway of the role read).")
    page_hosts: str = Field("", description="Origins of pages that may embed or open it and hand it a token, by commas.")
    public_read_url: str = Field("http://localhost:8000", pattern="^https?://", description="Where clients find read.")
    public_write_url: str = Field("http://localhost:8001", pattern="^https?://", description="Where clients find write.")

    heartbeat_s: float = Field(10.0, gt=0, le=300, description="Clients ping this often; after 2.5 times that they are cut.")
    hello_timeout_s: float = Field(5.0, gt=0, le=60, description="A socket that has not said hello by then is closed.")
    max_sockets: int = Field(15_000, ge=1, description="Connections that this gateway takes at most.")
    max_sockets_per_user: int = Field(64, ge=1, description="Sockets that one user may hold at this gateway.")
    socket_buffer_bytes: int = Field(4 << 20, ge=64 << 10, description="Bytes that a slow reader may leave unread.")

    queue_rows: int = Field(20_000, ge=1, description="Sends that may wait for the commit.")
    queue_bytes: int = Field(32 << 20, ge=1 << 20, description="Bytes of sends that may wait for the commit.")
    batch_rows: int = Field(500, ge=1, le=5_000, description="Sends in one commit.")

    rate_user: float = Field(
        100, ge=0, le=RATE_MOST, description="Sends a second that one user may make, if their token says nothing; 0: no limit."
    )
    rate_conversation: float = Field(
        5_000, ge=0, le=RATE_MOST, description="Sends a second that one conversation may get; 0: no limit."
    )

    registry_ttl_s: float = Field(5.0, ge=2, le=60, description="A gateway that has not been heard of for so long is absent.")
    drain_settle_s: float = Field(2.0, ge=0, le=60, description="On stop: how long to accept while routers learn of it.")
    drain_spread_s: float = Field(10.0, ge=0, le=300, description="On stop: the time that sockets have to move, at most.")

    @field_validator("proxy_from")
    @classmethod
    def _networks(cls, text: str) -> str:
        parse_networks(text)
        return text

    @field_validator("page_hosts")
    @classmethod
    def _hosts(cls, text: str) -> str:
        parse_origins(text)
        return text

    @field_validator("rate_user", "rate_conversation")
    @classmethod
    def _rates(cls, rate: float) -> float:
        if 0 < rate < RATE_LEAST:
            raise ValueError(f"must be 0 (no limit), or {RATE_LEAST} or more")
        return rate

    @model_validator(mode="after")
    def _whereabouts(self) -> "GatewaySettings":
        if self.advertise == AUTO and not urlsplit(self.redis_url.get_secret_value()).hostname:
            raise ValueError("RINGPOST_ADVERTISE=auto needs a RINGPOST_REDIS_URL with a host")
        return self

    @model_validator(mode="after")
    def _keys(self) -> "GatewaySettings":
        if self.jwt_algorithm == "HS256" and len(self.jwt_key.get_secret_value().encode()) < 32:
            raise ValueError("RINGPOST_JWT_KEY must be 32 bytes or more for HS256 (try: openssl rand -base64 48)")
        admin = self.admin_key.get_secret_value() if self.admin_key else None
        if admin is not None and not (admin.startswith("rpa_") and len(admin) >= 36 and admin.isascii()):
            raise ValueError("RINGPOST_ADMIN_KEY must be rpa_ and 32 characters or more")
        return self


def parse_networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Return the networks that *text* lists; raise ValueError where it lists something else."""
    return [ip_network(part.strip()) for part in text.split(",") if part.strip()]

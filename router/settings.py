"""What a router is told by its environment."""

from pydantic import Field, SecretStr

from shared.settings import Settings


class RouterSettings(Settings):
    """The settings of a router."""

    name: str = Field("router", pattern=r"^[A-Za-z0-9._-]{1,64}$", description="This router's name, for logs.")
    host: str = Field("127.0.0.1", description="The address that the two virtual services listen at.")
    read_port: int = Field(8000, ge=0, le=65535, description="Port of the virtual service read.")
    write_port: int = Field(8001, ge=0, le=65535, description="Port of the virtual service write.")
    admin_host: str = Field("127.0.0.1", description="The address of /live, /ready and /metrics of the router itself.")
    admin_port: int = Field(0, ge=0, le=65535, description="Their port; 0 takes a free one.")
    proxy_secret: SecretStr | None = Field(None, description="Sent in PROXY v2 headers, so that gateways believe them.")
    connect_timeout_s: float = Field(2.0, gt=0, le=60, description="Longest wait for a gateway to take a connection.")
    epsilon: float = Field(0.25, gt=0, le=10, description="How far above the mean a gateway may be loaded.")
    max_connections: int = Field(9_000, ge=1, description="Connections that this router relays at most (two files each).")
    buffer_bytes: int = Field(64 << 10, ge=4 << 10, description="Bytes held a direction before the sender is paused.")

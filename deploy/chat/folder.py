"""Where a user's outbox and positions are kept between two commands."""

from hashlib import sha256
from pathlib import Path
from string import ascii_lowercase, digits
from urllib.parse import urlsplit

from deploy.local.access import Access
from deploy.local.found import default_data

NAME_BYTES = 200
_KEPT = frozenset((ascii_lowercase + digits + "_-@").encode())


def state_folder(access: Access, user: str) -> Path:
    """Return the folder of *user* at the system of *access*.

    It lies in that system's data folder. One that is known by its ports alone has a folder for these: what waits in an outbox
    must not go to another system.
    """
    if access.local is not None:
        return access.local.data / "chat" / folder_name(user)
    return default_data() / f"chat-{urlsplit(access.write_url).port}" / folder_name(user)


def folder_name(user: str) -> str:
    """Return a name that no other user's folder has, also on disks that take `Alice` for `alice`."""
    encoded = user.encode()
    name = "".join(chr(byte) if byte in _KEPT else f"%{byte:02x}" for byte in encoded)
    return name if len(name) <= NAME_BYTES else f"sha256-{sha256(encoded).hexdigest()}"

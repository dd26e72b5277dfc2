"""Who asks: tokens of the host product's users, and the admin key of its own server. The home of jwt."""

import hmac
import math
import sys
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.algorithms import get_default_algorithms

from shared.errors import Refused, TokenExpired, Unauthenticated
from shared.text import check_title, check_user

ADMIN_PREFIX = "rpa_"
TOKEN_BYTES = 8 * 1024
SECRET_BYTES = 32
PICTURE_CHARACTERS = 2_048
LEEWAY_S = 60
KNOWN_TOKENS = 10_000
RATE_LEAST, RATE_MOST = 0.001, 1e6
_EXP_MAX = 253_402_300_799  # the end of the year 9999: later ones have no date to show
# Times are checked here: PyJWT takes a float or a string for a time, and gives `exp` the leeway too.
_OPTIONS: Any = {
    "require": ["exp", "sub"],
    "verify_signature": True,
    **dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss", "verify_sub", "verify_jti"), False),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, until when. The admin key is nobody in particular: its *user* is empty and it never expires.

    *rate* is how many sends a second they may make, if their token says so; 0 is no limit.
    """

    user: str
    expires_at: float
    name: str | None = None
    picture: str | None = None
    is_admin: bool = False
    rate: float | None = None


ADMIN = Identity(user="", expires_at=math.inf, is_admin=True)


class Authenticator:
    """Tells who a token is, by one algorithm and one key; what a token's header says about keys is never followed."""

    def __init__(self, jwt_key: str, jwt_algorithm: str, admin_key: str | None) -> None:
        """Raises ValueError where *jwt_key* is too short, or is no key of *jwt_algorithm*; the text does not show it."""
        if jwt_algorithm.startswith("HS") and len(jwt_key.encode()) < SECRET_BYTES:
            raise ValueError(f"the key must be {SECRET_BYTES} bytes or more for {jwt_algorithm}")
        self._algorithm = jwt_algorithm
        self._key = _prepare(jwt_key, jwt_algorithm)
        self._admin_key = admin_key.encode() if admin_key else None
        self._known: dict[str, Identity] = {}

    def __repr__(self) -> str:
        return f"Authenticator({self._algorithm})"

    def identify(self, token: str, now: float) -> Identity:
        """Return who *token* is at *now* (Unix seconds).

        Raises:
            TokenExpired: it was good once.
            Unauthenticated: it proves nothing.
        """
        if not token or len(token) > TOKEN_BYTES or not token.isascii():
            raise Unauthenticated
        if token.startswith(ADMIN_PREFIX):
            return self._identify_admin(token)
        known = self._known.get(token)
        if known is None:
            known = self._remember(token, self._read(token, now))
        if now >= known.expires_at:
            raise TokenExpired
        return known

    def _remember(self, token: str, identity: Identity) -> Identity:
        """Checking a signature costs more than the rest of a request: a client shows the same token again and again."""
        if len(self._known) >= KNOWN_TOKENS:
            del self._known[next(iter(self._known))]
        self._known[token] = identity
        return identity

    def _read(self, token: str, now: float) -> Identity:
        claims = self._decode(token)
        expires_at = _read_times(claims, now)
        shown = _read_name(claims), _read_picture(claims)
        return Identity(_read_user(claims), expires_at, *shown, rate=_read_rate(claims))

    def _identify_admin(self, token: str) -> Identity:
        if self._admin_key is None or not hmac.compare_digest(token.encode(), self._admin_key):
            raise Unauthenticated
        return ADMIN

    def _decode(self, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(token, self._key, algorithms=[self._algorithm], options=_OPTIONS)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            # PyJWT lets through what json raises on hostile claims (nested deeply, digits by the thousand).
            raise Unauthenticated from None


def sign(jwt_key: str, user: str, ttl_s: float, now: float, name: str | None = None) -> str:
    """Return an HS256 token of *user* that is good for *ttl_s* from *now* (Unix seconds)."""
    claims: dict[str, Any] = {"sub": user, "iat": int(now), "exp": int(now + ttl_s)}
    if name is not None:
        claims["name"] = name
    return jwt.encode(claims, jwt_key, algorithm="HS256")


def _prepare(jwt_key: str, jwt_algorithm: str) -> Any:
    algorithm = get_default_algorithms().get(jwt_algorithm)
    if algorithm is None or jwt_algorithm == "none":
        raise ValueError(f"{jwt_algorithm} is no algorithm that tokens may be signed with")
    try:
        key = algorithm.prepare_key(jwt_key)
    except (jwt.PyJWTError, ValueError, TypeError):
        raise ValueError(f"the key is no key of {jwt_algorithm}") from None
    return key


def _read_times(claims: dict[str, Any], now: float) -> float:
    exp = claims["exp"]
    if type(exp) is not int or not 0 < exp <= _EXP_MAX:
        raise Unauthenticated
    for claim in ("nbf", "iat"):
        start = claims.get(claim, 0)
        # NaN is not below anything, so it is refused too.
        if type(start) not in (int, float) or not -sys.maxsize < start <= now + LEEWAY_S:
            raise Unauthenticated
    if now >= exp:
        raise TokenExpired
    return float(exp)


def _read_user(claims: dict[str, Any]) -> str:
    user = claims["sub"]
    try:
        return check_user(user) if isinstance(user, str) else _refuse()
    except Refused:
        raise Unauthenticated from None


def _refuse() -> str:
    raise Unauthenticated


def _read_name(claims: dict[str, Any]) -> str | None:
    name = claims.get("name")
    try:
        return check_title(name) if isinstance(name, str) else None
    except Refused:
        return None


def _read_picture(claims: dict[str, Any]) -> str | None:
    picture = claims.get("picture")
    if not isinstance(picture, str) or len(picture) > PICTURE_CHARACTERS or not (picture.isascii() and picture.isprintable()):
        return None
    return picture if picture.startswith(("https://", "http://")) else None


def _read_rate(claims: dict[str, Any]) -> float | None:
    if "rate" not in claims:
        return None
    rate = claims["rate"]
    # NaN is not below anything, so it is refused too.
    if type(rate) not in (int, float) or not (rate == 0 or RATE_LEAST <= rate <= RATE_MOST):
        raise Unauthenticated
    return float(rate)

"""Which tokens say who somebody is."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from shared.auth import ADMIN, KNOWN_TOKENS, Authenticator, Identity, sign
from shared.errors import TokenExpired, Unauthenticated

KEY = "k" * 32
ADMIN_KEY = "rpa_" + "a" * 32
NOW = 1_800_000_000.0


def identify(token: str, now: float = NOW) -> Identity:
    return Authenticator(KEY, "HS256", ADMIN_KEY).identify(token, now)


def make(claims: dict[str, Any] | str, header: dict[str, Any] | None = None, key: str = KEY) -> str:
    """Sign anything at all, also what no library would."""
    payload = claims if isinstance(claims, str) else json.dumps(claims)
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"} | (header or {})), payload]
    signed = b".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).rstrip(b"=")
    return (signed + b"." + signature).decode()


def claims(**more: Any) -> dict[str, Any]:
    return {"sub": "alice", "exp": int(NOW) + 60} | more


def test_a_token_of_ours_says_who_and_until_when() -> None:
    token = sign(KEY, "alice", 60, NOW, name="Alice")
    assert identify(token) == Identity("alice", NOW + 60, "Alice", None, False)


def test_the_admin_key_is_nobody_and_never_expires() -> None:
    assert identify(ADMIN_KEY) == ADMIN
    assert ADMIN.is_admin
    assert ADMIN.user == ""


def test_a_token_ends_on_the_second() -> None:
    token = sign(KEY, "alice", 60, NOW)
    assert identify(token, NOW + 59.9)
    with pytest.raises(TokenExpired):
        identify(token, NOW + 60)


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_clock_may_be_a_minute_ahead(claim: str) -> None:
    assert identify(make(claims(**{claim: int(NOW) + 60})))
    with pytest.raises(Unauthenticated):
        identify(make(claims(**{claim: int(NOW) + 61})))


def test_the_name_and_the_picture_are_kept_if_they_can_be_shown() -> None:
    shown = identify(make(claims(name="Al", picture="https://example.org/a.png", aud="x", iss="y")))
    assert (shown.name, shown.picture) == ("Al", "https://example.org/a.png")
    hidden = identify(make(claims(name="a\x00", picture="javascript:alert(1)")))
    assert (hidden.name, hidden.picture) == (None, None)


@pytest.mark.parametrize("rate", [0, 0.001, 2.5, 100, 1_000_000, 1e6])
def test_a_token_may_carry_a_rate_of_its_own(rate: float) -> None:
    assert identify(make(claims(rate=rate))).rate == rate


def test_a_token_that_says_nothing_of_a_rate_has_none() -> None:
    assert identify(make(claims())).rate is None


BAD_CLAIMS: dict[str, dict[str, Any] | str] = {
    "no exp": {"sub": "alice"},
    "exp null": claims(exp=None),
    "exp text": claims(exp="1900000000"),
    "exp float": claims(exp=NOW + 60.5),
    "exp true": claims(exp=True),
    "exp zero": claims(exp=0),
    "exp negative": claims(exp=-1),
    "exp of 400 digits": '{"sub": "alice", "exp": ' + "9" * 400 + "}",
    "exp of 5,000 digits": '{"sub": "alice", "exp": ' + "9" * 5_000 + "}",
    "exp infinite": '{"sub": "alice", "exp": Infinity}',
    "exp NaN": '{"sub": "alice", "exp": NaN}',
    "exp 1e400": '{"sub": "alice", "exp": 1e400}',
    "exp beyond the calendar": claims(exp=253_402_300_800),
    "no sub": {"exp": int(NOW) + 60},
    "sub null": claims(sub=None),
    "sub empty": claims(sub=""),
    "sub blank": claims(sub=" "),
    "sub a number": claims(sub=1),
    "sub a list": claims(sub=["alice"]),
    "sub too long": claims(sub="x" * 256),
    "sub with a line end": claims(sub="alice\n"),
    "sub with a NUL": claims(sub="alice\x00"),
    "sub with a lone surrogate": claims(sub="alice\ud800"),
    "nbf text": claims(nbf="1"),
    "nbf NaN": '{"sub": "alice", "exp": 1900000000, "nbf": NaN}',
    "iat true": claims(iat=True),
    "rate null": claims(rate=None),
    "rate true": claims(rate=True),
    "rate text": claims(rate="100"),
    "rate a list": claims(rate=[100]),
    "rate negative": claims(rate=-1),
    "rate next to nothing": claims(rate=1e-300),
    "rate too high": claims(rate=1_000_001),
    "rate NaN": '{"sub": "alice", "exp": 1900000000, "rate": NaN}',
    "rate infinite": '{"sub": "alice", "exp": 1900000000, "rate": Infinity}',
    "rate 1e400": '{"sub": "alice", "exp": 1900000000, "rate": 1e400}',
    "rate of 400 digits": '{"sub": "alice", "exp": 1900000000, "rate": ' + "9" * 400 + "}",
    "a list": "[]",
    "null": "null",
    "no JSON": "sub=alice",
    "nothing": "",
    "nested deeply": '{"sub": "alice", "exp": 1900000000, "x": ' + "[" * 2_500 + "]" * 2_500 + "}",
}


@pytest.mark.parametrize("payload", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_a_signed_token_with_wrong_claims_proves_nothing(payload: dict[str, Any] | str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        identify(make(payload))
    assert type(caught.value) is Unauthenticated


def _unsigned() -> str:
    head, payload, _ = make(claims(), {"alg": "none"}).split(".")
    return f"{head}.{payload}."


BAD_TOKENS = {
    "empty": "",
    "words": "not a token",
    "not ASCII": "é" * 20,
    "a lone surrogate": "\ud800",
    "dots": "..",
    "two parts": make(claims()).rpartition(".")[0],
    "five parts": "a.b.c.d.e",
    "alg none": _unsigned(),
    "alg None signed": make(claims(), {"alg": "None"}),
    "alg HS512 by its name": make(claims(), {"alg": "HS512"}),
    "alg a number": make(claims(), {"alg": 1}),
    "alg missing": make(claims(), {"alg": None}),
    "another key": make(claims(), key="x" * 32),
    "no key": make(claims(), key=""),
    "kid a path, signed with nothing": make(claims(), {"kid": "/dev/null"}, key=""),
    "kid an injection": make(claims(), {"kid": "x' UNION SELECT 'k"}, key="k"),
    "jwk of its own": make(claims(), {"jwk": {"kty": "oct", "k": "eHh4"}}, key="xxx"),
    "crit unknown": make(claims(), {"crit": ["exp2"], "exp2": 1}),
    "b64 false": make(claims(), {"b64": False, "crit": ["b64"]}),
    "over 8 KiB": make(claims(name="x" * 8_000)),
    "a part of the admin key": ADMIN_KEY[:-1],
    "more than the admin key": ADMIN_KEY + "a",
    "blanks around": f" {make(claims())}",
}


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_a_token_that_is_none_proves_nothing(token: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        identify(token)
    assert type(caught.value) is Unauthenticated


def test_a_key_id_is_not_looked_at() -> None:
    assert identify(make(claims(), {"kid": "/etc/passwd"})).user == "alice"


def test_without_an_admin_key_none_is_taken() -> None:
    with pytest.raises(Unauthenticated):
        Authenticator(KEY, "HS256", None).identify(ADMIN_KEY, NOW)


def _pem(private: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem: bytes = private.public_key().public_bytes(serialization.Encoding.PEM, form)
    return pem.decode()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_public_key_verifies_and_never_serves_as_a_secret(algorithm: str) -> None:
    keys: dict[str, Any] = {
        "RS256": lambda: rsa.generate_private_key(65_537, 2_048),
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
    }
    private = keys[algorithm]()
    authenticator = Authenticator(_pem(private), algorithm, None)
    assert authenticator.identify(jwt.encode(claims(), private, algorithm), NOW).user == "alice"
    with pytest.raises(Unauthenticated):
        authenticator.identify(make(claims(), key=_pem(private)), NOW)


@pytest.mark.parametrize(("key", "algorithm"), [("k" * 31, "HS256"), ("k" * 64, "RS256"), ("k" * 64, "none"), ("", "EdDSA")])
def test_a_key_that_can_not_protect_is_refused_at_the_start(key: str, algorithm: str) -> None:
    with pytest.raises(ValueError, match=r"key|algorithm") as caught:
        Authenticator(key, algorithm, None)
    assert not key or key not in str(caught.value)


def test_a_token_that_was_good_ends_when_it_says() -> None:
    authenticator = Authenticator(KEY, "HS256", None)
    token = sign(KEY, "alice", 100, 1000.0)
    assert authenticator.identify(token, 1000.0) == authenticator.identify(token, 1099.0)
    with pytest.raises(TokenExpired):
        authenticator.identify(token, 1100.0)


def test_as_many_tokens_are_remembered_as_is_said_and_all_are_good_still() -> None:
    authenticator = Authenticator(KEY, "HS256", None)
    tokens = [sign(KEY, f"user-{n}", 100, 1000.0) for n in range(KNOWN_TOKENS + 5)]
    for _ in range(2):
        assert [authenticator.identify(token, 1000.0).user for token in tokens[:10]] == [f"user-{n}" for n in range(10)]
        for token in tokens:
            authenticator.identify(token, 1000.0)
        assert len(authenticator._known) == KNOWN_TOKENS

"""What is wrong with keys, and with doors that stand open. A pure core."""

from collections.abc import Iterator

from deploy.doctor.finding import Finding, beware, or_well, wrong

LEAST_BYTES, LEAST_SIGNS = 32, 10


def judge_keys(jwt_key: str | None, admin_key: str | None) -> list[Finding]:
    """Return what is wrong with the keys that are known here."""
    findings = [*_judge("RINGPOST_JWT_KEY", jwt_key), *_judge("RINGPOST_ADMIN_KEY", admin_key)]
    known = " and ".join(name for name, key in (("the signing key", jwt_key), ("the admin key", admin_key)) if key)
    return or_well(findings, "keys", f"{known} can't be guessed") if known else []


def _judge(name: str, key: str | None) -> Iterator[Finding]:
    if not key or key.startswith("-----BEGIN"):
        return
    if len(key.encode()) < LEAST_BYTES:
        yield wrong("keys", f"{name} has {len(key.encode())} bytes", "openssl rand -base64 48")
    elif len(set(key)) < LEAST_SIGNS:
        yield wrong("keys", f"{name} can be guessed", "openssl rand -base64 48")


def judge_door(url: str, has_dev_tokens: bool, is_local: bool) -> list[Finding]:
    """Say whether anybody gets anybody's token at *url*; on one's own machine that is meant."""
    if has_dev_tokens and not is_local:
        what = f"{url} hands a token of any user to whoever asks"
        return [beware("keys", what, "RINGPOST_DEV_TOKENS=false, unless this is a developer's machine.")]
    return []

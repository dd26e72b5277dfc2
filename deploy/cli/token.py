"""`ringpost token`: a token of a user, for trying a deployment that hands none out."""

import sys
import time
from typing import Annotated

import typer

MOST_HOURS = 24 * 31


def run(
    user: Annotated[str, typer.Argument(help="Whose token.")],
    hours: Annotated[float, typer.Option(min=0.01, max=MOST_HOURS, help="How long it is good.")] = 1.0,
) -> None:
    """Print a token signed with RINGPOST_JWT_KEY (or RINGPOST_JWT_KEY_FILE), as your product's server signs them (HS256)."""
    from pydantic import Field, SecretStr

    from shared.auth import sign
    from shared.settings import Settings, SettingsError, load

    class TokenSettings(Settings):
        jwt_key: SecretStr = Field(min_length=32)

    try:
        key = load(TokenSettings).jwt_key.get_secret_value()
    except SettingsError as error:
        print(f"ringpost: bad setting: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    print(sign(key, user, round(hours * 3600), time.time()))

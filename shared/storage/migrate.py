"""Bring the database to the newest schema: `python -m shared.storage.migrate`.

Any number may run at once: an advisory lock lets one work while the others wait, then find nothing to do.
"""

import asyncio
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from pydantic import Field, SecretStr
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.settings import Settings, load_or_exit

LOCK = 0x52494E47  # any number, the same for every version


class MigrateSettings(Settings):
    postgres_url: SecretStr = Field(description="Postgres, as a URL.")
    postgres_password: SecretStr | None = Field(None, description="Its password, if the URL has none.")
    postgres_timeout_s: float = Field(60.0, gt=0, description="Longest wait for Postgres to take the connection.")


async def migrate(postgres_url: str, timeout_s: float) -> None:
    """Migrate the database at *postgres_url* (`postgresql://`); return when it has the newest schema."""
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": timeout_s})
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
            await connection.commit()
            await connection.run_sync(_upgrade)
            await connection.execute(text("SELECT current_epoch()"))
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    command.upgrade(config, "head")


def main() -> None:
    settings = load_or_exit(MigrateSettings)
    try:
        asyncio.run(migrate(settings.postgres_url.get_secret_value(), settings.postgres_timeout_s))
    except (OSError, SQLAlchemyError) as error:
        print(f"ringpost: cannot migrate: {type(error).__name__}: {error}".splitlines()[0], file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()

"""The schema, a numbered script a change. A change must be understood by the version before it: both run side by side."""

from pathlib import Path

from alembic import op

HERE = Path(__file__).parent


def run_script(name: str) -> None:
    """Run the statements of `versions/<name>` on the migration's connection."""
    script = (HERE / "versions" / name).read_text()
    adapted = op.get_bind().connection.dbapi_connection
    assert adapted is not None
    adapted.run_async(lambda connection: connection.execute(script))

"""The spine: logs, events, members, and the functions that append to them."""

from shared.storage.migrations import run_script

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_script("0001_spine.sql")

"""A way of its own for a batch of one message, which is what an idle gateway commits."""

from shared.storage.migrations import run_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_script("0004_one_message.sql")

"""Delivered marks, and what users are called."""

from shared.storage.migrations import run_script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_script("0003_company.sql")

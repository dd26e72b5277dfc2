"""Edits, deletions, reactions, replies; leaving, removal, invitations, roles, titles and topics; direct conversations."""

from shared.storage.migrations import run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_script("0002_changes.sql")

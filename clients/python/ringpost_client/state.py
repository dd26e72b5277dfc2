"""A reader's positions on disk: what the app has been shown, so that the next start goes on from there."""

import contextlib
import json
import os
from pathlib import Path

from ringpost_client.positions import Positions


def load_positions(path: Path) -> Positions:
    """Return what was saved at *path*; empty positions if that is nothing, or no such thing."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        saved = json.loads(path.read_bytes())
        of = {str(conversation): int(seq) for conversation, seq in saved["positions"].items()}
        return Positions(str(saved["epoch"]), int(saved["inbox"]), of)
    return Positions()


def save_positions(path: Path, positions: Positions) -> None:
    """Put *positions* in the place of what was there, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(positions.cursor()))
    os.replace(fresh, path)

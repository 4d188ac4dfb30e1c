"""A state file whose folder is not there, and cannot be made here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from driftline.config.messages import Place
from driftline.config.model import Config


def state_doubts(config: Config) -> Iterator[tuple[Place, str]]:
    """A remark only: the daemon may run elsewhere, or as somebody else."""
    here: Place = ("state", "path")
    folder = Path(config.state_path).parent
    above = next(p for p in (folder, *folder.parents) if p.exists())
    writable = os.access(above, os.W_OK | os.X_OK)
    why = "is a file" if not above.is_dir() else None if writable else "cannot be written to by this user"
    if why is not None:
        yield here, f"the folder {folder} cannot be {'used' if above == folder else 'made'}: {above} {why}"

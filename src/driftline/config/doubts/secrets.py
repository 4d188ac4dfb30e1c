"""Secrets that others may read."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from driftline.config.messages import Place
from driftline.config.model import Config
from driftline.config.secrets import written_out


def secret_doubts(config: Config) -> Iterator[tuple[Place, str]]:
    """A secret in a configuration that everybody may read; the environment is nobody else's."""
    properties = config.notes.raw.get("kafka") or {}
    raw = properties.get("properties") or {}
    if not Path(config.source).stat().st_mode & stat.S_IROTH:
        return
    for key in written_out(raw):
        place: Place = ("kafka", "properties", key)
        if place not in config.notes.origins.variables:
            yield place, f"everybody on this machine may read this file; write {key}_file with a path instead"

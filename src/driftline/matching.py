"""Which entry under ``models`` a model's name belongs to: the most specific one wins."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from driftline.settings import ModelSettings


def match_model(models: Iterable[ModelSettings], name: str) -> ModelSettings | None:
    """The exact name's entry, else the longest pattern's (the first of equals), else None."""
    held = [m for m in models if m.match == name or fnmatchcase(name, m.match)]
    return max(held, key=lambda m: (m.match == name, len(m.match)), default=None)

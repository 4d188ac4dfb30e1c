"""What the state file has of a pipeline, so that a commit writes only what changed.

Codes of models and versions are a process's own; the file knows them by their places in two lists that only
grow, so that blocks of an earlier run stay readable when a model leaves the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from driftline.ledger import Ledger
from driftline.pipeline.registry import Registry
from driftline.records import Blob, BlobKey, Codes32

GONE = -2
"""Code of a version that left the configuration; -1 stays -1: there is none."""


@dataclass(slots=True)
class Written:
    """The names that the file knows, the small blocks as they were written last, and the late rows' blocks."""

    models: list[str] = field(default_factory=list)
    slots: list[tuple[str, str]] = field(default_factory=list)
    late: Ledger = field(default_factory=Ledger)
    useless: list[BlobKey] = field(default_factory=list)
    """Blocks that nothing reads any more; the next commit drops them."""
    _last: dict[BlobKey, Any] = field(default_factory=dict)

    def learn(self, registry: Registry) -> None:
        """Give the registry's models and versions their places."""
        known, slots = set(self.models), set(self.slots)
        self.models += [m.name for m in registry.by_code if m.name not in known]
        self.slots += [s.key for s in registry.slots if s.key not in slots]

    def model_ids(self, registry: Registry) -> Codes32:
        """Place of each model by its code; at the end what code -1 becomes."""
        place = {name: i for i, name in enumerate(self.models)}
        return np.array([*(place[m.name] for m in registry.by_code), -1], np.int32)

    def slot_ids(self, registry: Registry) -> Codes32:
        """Place of each version by its code; at the end what code -1 becomes."""
        place = {key: i for i, key in enumerate(self.slots)}
        return np.array([*(place[s.key] for s in registry.slots), -1], np.int32)

    def model_codes(self, registry: Registry) -> Codes32:
        """Today's code of each model by its place, -1 for those that are gone."""
        known = [registry.models.get(name) for name in self.models]
        return np.array([*(-1 if m is None else m.code for m in known), -1], np.int32)

    def slot_codes(self, registry: Registry) -> Codes32:
        """Today's code of each version by its place, GONE for those that are gone."""
        known = [registry.of.get(key) for key in self.slots]
        return np.array([*(GONE if s is None else s.code for s in known), -1], np.int32)

    def changed(self, key: BlobKey, version: Any) -> bool:
        """Whether a small block differs from when this was asked last."""
        if self._last.get(key) == version:
            return False
        self._last[key] = version
        return True

    def put(self, into: dict[BlobKey, Blob | None], key: BlobKey, blob: Blob) -> None:
        """Have a small block without arrays written, if it changed."""
        if self.changed(key, blob.data):
            into[key] = blob

"""What a stream keeps of each model: its settings, and the codes of its classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from driftline.aggregates.confusion import MISTAKEN, far_code
from driftline.records import Coded, Codes32
from driftline.settings import OTHER, ModelSettings


@dataclass(slots=True)
class ModelState:
    """One model: its settings, and the codes of its classes (append-only)."""

    name: str
    code: int
    settings: ModelSettings
    classes: list[str] = field(default_factory=list)
    """By code. With more than ``class_limit`` seen, ``OTHER`` and ``MISTAKEN`` stand among them for the rest."""
    class_limit: int = 100

    @property
    def over(self) -> bool:
        """Whether there were more classes than have codes of their own."""
        return MISTAKEN in self.classes

    def learn(self, names: Iterable[str]) -> bool:
        """Give new classes codes while there is room, the positive class always; whether any code is new."""
        before = len(self.classes)
        room = self.class_limit - before + 2 * self.over
        for name in names:
            if name in self.classes:
                continue
            if room > 0 or name == self.settings.positive:
                self.classes.append(name)
                room -= 1
            else:
                self.classes.extend(n for n in (OTHER, MISTAKEN) if n not in self.classes)
        return len(self.classes) > before

    def class_codes(self, column: Coded) -> tuple[Codes32, bool]:
        """Model-level class codes of a column, those of classes without one by ``far_code``; whether any is new."""
        known = {name: code for code, name in enumerate(self.classes)}
        grown = any(value not in known for value in column.values) and self.learn(_occurring(column))
        if grown:
            known = {name: code for code, name in enumerate(self.classes)}
        table = [known[value] if value in known else far_code(value) for value in column.values]
        # Codes -1 (missing) and -2 (invalid) index from the end.
        return np.array([*table, -1, -1], np.int32)[column.codes], grown


def _occurring(column: Coded) -> list[str]:
    """The values that occur in a column, in order of first appearance."""
    used, first = np.unique(column.codes, return_index=True)
    return [column.values[code] for code in used[np.argsort(first)].tolist() if code >= 0]

"""A data file, or a part of one, studied: its table, its facts, and what of production fits it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from driftline.errors import ConfigError, DataError, Problem
from driftline.onboarding.events import Clock
from driftline.onboarding.guess import Guess, guess
from driftline.onboarding.roles import Roles, find_roles
from driftline.onboarding.times import is_present
from driftline.onboarding.wishes import Wishes
from driftline.reference.columns import counts_of, read_codes, read_numbers
from driftline.reference.facts import Column, fact_of, facts_of
from driftline.reference.options import nearest
from driftline.reference.tables import Span, Table, open_table
from driftline.settings import HOUR_MS

_QUANTILE = 0.99


@dataclass(frozen=True, slots=True)
class Study:
    """Validated rows and, where there are some, production's."""

    path: Path
    table: Table
    columns: Mapping[str, Column]
    production: Table | None

    def roles(self, wishes: Wishes) -> Roles:
        """Which column is what as far as it is known, whatever else is wrong."""
        return find_roles(self.columns, wishes)[0]

    def guess(self, wishes: Wishes) -> Guess:
        """What the columns mean.

        Raises
        ------
        ConfigError
            With everything that is wrong.
        """
        found, problems = guess(
            self.columns,
            wishes,
            lambda score, label: _mean_scores(self.table, score, label),
            self.table.features,
        )
        if found is not None and self.production is not None:
            problems = _missing(self.production, found)
        if found is None or problems:
            raise ConfigError(problems, str(self.path))
        return found


def study(path: Path, span: Span, production: Path | None, folder: Path) -> Study:
    """Open the files. Without a file of its own, production is what follows the validated rows."""
    table = _open(path, span, folder / "validated")
    after = None
    if production is not None:
        after = _open(production, (0, None), folder / "production")
    elif span[1] is not None:
        after = _after(path, span[1], folder / "after")
    return Study(path, table, facts_of(table), after)


def _open(path: Path, span: Span, folder: Path) -> Table:
    folder.mkdir()
    return open_table(path, span, folder, lambda _stage, _done, _total: None)


def _after(path: Path, first: int, folder: Path) -> Table | None:
    """The rows from ``first`` on; None where there are none."""
    try:
        return _open(path, (first, None), folder)
    except DataError:
        return None


def _missing(production: Table, found: Guess) -> list[Problem]:
    """Columns that production needs and has not; a label may be unknown."""
    roles, there = found.roles, production.columns
    needed = [c for c in (roles.time, roles.prediction, roles.score) if c is not None and c not in there]
    problems = [
        Problem("--production", f'there is no column "{c}" in it; {nearest(c, there)}') for c in needed
    ]
    if lacking := [name for name in found.features if name not in there]:
        message = f"it lacks {', '.join(lacking)}, validated as features; add them, or leave them out with --exclude"
        problems.append(Problem("--production", message))
    return problems


def for_production(found: Guess, production: Table) -> Guess:
    """The guess without the columns that production has not: its labels may not be known yet."""
    held: dict[str, Any] = {
        field: name if name in production.columns else None
        for field in ("prediction_id", "label", "label_time") if (name := getattr(found.roles, field)) is not None
    }  # fmt: skip
    return replace(found, roles=replace(found.roles, **held))


def clock_of(
    table: Table, found: Guess, *, start_ms: int, every_ms: int, label_delay_ms: int, now_ms: int
) -> Clock:
    """How the times of a table's rows are read: each file may have its own unit."""
    units = [
        fact_of(table, name).unit if name is not None and name in table.columns else None
        for name in (found.roles.time, found.roles.label_time)
    ]
    if found.roles.time is not None and units[0] is None:
        raise DataError(
            f"column {found.roles.time!r} of production holds no times as the validated data does"
        )
    return Clock(
        unit=units[0],
        label_unit=units[1],
        start_ms=start_ms,
        every_ms=every_ms,
        label_delay_ms=label_delay_ms,
        now_ms=now_ms,
    )


def usual_delay_ms(table: Table, found: Guess, clock: Clock) -> int:
    """After how many whole hours 99 of 100 labels are there; an hour at least."""
    times = clock.times(table, found.roles.time)
    late = clock.label_times(table, found.roles.label_time, times) - times
    if found.roles.label_time is not None and (known := is_present(table, found.roles.label_time)).any():
        late = late[known]
    return max(1, int(np.ceil(np.quantile(late, _QUANTILE) / HOUR_MS))) * HOUR_MS


def positives(table: Table, found: Guess) -> int | None:
    """Rows of the positive class, by the label or else by the prediction; None where the task has none."""
    column = found.roles.label or found.roles.prediction
    if found.positive is None or column is None:
        return None
    return counts_of(read_codes(table, column))[0].get(found.positive, 0)


def _mean_scores(table: Table, score: str, label: str) -> Mapping[str, float]:
    """Mean of a score for each class of the label: the positive class's is the highest."""
    numbers = read_numbers(table, score).astype(np.float64)
    coded = read_codes(table, label)
    found = {}
    for code, value in enumerate(coded.values):
        own = numbers[(coded.codes == code) & (numbers >= 0) & (numbers <= 1)]
        if own.size:
            found[value] = float(own.mean())
    return found

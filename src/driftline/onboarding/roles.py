"""Which column is the time, the answer, the truth: by what the user says, else by name and content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from driftline.errors import Problem
from driftline.onboarding.wishes import NONE, Wishes
from driftline.reference import names
from driftline.reference.facts import Column
from driftline.reference.options import both_kinds, unknown_names

Why = tuple[str, str, str]
"""What was guessed, the guess, and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Columns with a meaning of their own; None: there is none."""

    time: str | None = None
    prediction_id: str | None = None
    prediction: str | None = None
    score: str | None = None
    label: str | None = None
    label_time: str | None = None
    dropped: tuple[str, ...] = ()
    """Answers that are not used, and no features either."""

    @property
    def taken(self) -> frozenset[str]:
        """Columns that can be no feature."""
        held = (self.time, self.prediction_id, self.prediction, self.score, self.label, self.label_time)
        return frozenset(name for name in (*held, *self.dropped) if name is not None)

    def without_prediction(self) -> Roles:
        """The score alone tells the class."""
        return replace(self, prediction=None, dropped=(*self.dropped, self.prediction or ""))

    def without_score(self) -> Roles:
        """A number has no probability."""
        dropped = (*self.dropped, self.score) if self.score else self.dropped
        return replace(self, score=None, dropped=dropped)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A role: its option, the names it goes by, and what a column must be to have it."""

    field: str
    option: str
    words: str
    known: tuple[str, ...]
    fits: Callable[[Column], str | None]
    """Why a column cannot have it; None: it can."""


def _any(_column: Column) -> str | None:
    return None


def _as_time(column: Column) -> str | None:
    if column.unit is not None:
        return None
    return f'its values, as "{column.sample}", are no times: write RFC 3339, a date as 2026-01-31, or epoch numbers'


def _as_score(column: Column) -> str | None:
    if not column.numeric:
        return "its values are no numbers"
    inside = column.lowest >= 0 and column.highest <= 1
    return (
        None if inside else f"its values go from {column.lowest:g} to {column.highest:g}, and not from 0 to 1"
    )


def _as_id(column: Column) -> str | None:
    if column.distinct == column.present == column.rows:
        return None
    return f"{column.distinct} different values in {column.rows} rows; an id must be there once"


_KINDS = (
    _Kind("time", "--time", "time", names.TIME, _as_time),
    _Kind("label_time", "--label-time", "time of the label", names.LABEL_TIME, _as_time),
    _Kind("prediction_id", "--id", "prediction id", names.ID, _as_id),
    _Kind("score", "--score", "score", names.SCORE, _as_score),
    _Kind("prediction", "--prediction", "prediction", names.PREDICTION, _any),
    _Kind("label", "--label", "label", names.LABEL, _any),
)


def find_roles(columns: Mapping[str, Column], wishes: Wishes) -> tuple[Roles, list[Why], list[Problem]]:
    """The roles and their reasons, or what is wrong with what was said."""
    problems = _unknown_names(columns, wishes)
    taken: dict[str, str] = {}
    why: list[Why] = []
    for kind in _KINDS:
        wish = getattr(wishes, kind.field)
        if wish is None or wish == NONE or wish not in columns:
            continue
        reason = kind.fits(columns[wish])
        if reason is not None:
            problems.append(Problem(kind.option, f"{wish} cannot be the {kind.words}: {reason}"))
        elif wish in taken.values():
            problems.append(Problem(kind.option, f"{wish} is named for two things"))
        else:
            taken[kind.field] = wish
            why.append((kind.words, wish, "as you say"))
    for kind in _KINDS:
        if getattr(wishes, kind.field) is None:
            found = _by_name(columns, kind, {*taken.values(), *wishes.categorical, *wishes.numeric})
            if found:
                taken[kind.field] = found
                why.append((kind.words, found, "by its name and values"))
    problems += _needed(columns, taken, wishes) if not problems else []
    return replace(Roles(), **taken), why, problems  # type: ignore[arg-type]


def _by_name(columns: Mapping[str, Column], kind: _Kind, taken: set[str]) -> str | None:
    """The best name whose column can be it."""
    candidates = names.ranked((c for c in columns if c not in taken), kind.known)
    fitting = (c for c in candidates if columns[c].present and kind.fits(columns[c]) is None)
    return next(fitting, None)


def _needed(columns: Mapping[str, Column], taken: Mapping[str, str], wishes: Wishes) -> list[Problem]:
    problems = []
    if "prediction" not in taken and "score" not in taken:
        problems.append(
            Problem(
                "--prediction, --score",
                f"no column looks like the model's answer; name one of: {', '.join(columns)}",
            )
        )
    if "time" not in taken and wishes.every_ms is None:
        message = _no_time(columns)
        problems.append(Problem("--time", message))
    return problems


def _no_time(columns: Mapping[str, Column]) -> str:
    """With the column that by its name should be one, if there is any."""
    named = names.ranked(columns, names.TIME)
    why = f" ({named[0]}: {_as_time(columns[named[0]])})" if named else ""
    return f"no column holds times{why}; name one, or say --every 1m for rows at that pace"


def _unknown_names(columns: Mapping[str, Column], wishes: Wishes) -> list[Problem]:
    """Every column that was named and is not there."""
    said: dict[str, tuple[str | None, ...]] = {kind.option: (getattr(wishes, kind.field),) for kind in _KINDS}
    said |= {
        "--features": wishes.features or (), "--categorical": wishes.categorical, "--numeric": wishes.numeric,
    }  # fmt: skip
    named = {option: [name for name in wished if name not in (None, NONE)] for option, wished in said.items()}
    return [*unknown_names(named, columns), *both_kinds(wishes.categorical, wishes.numeric)]

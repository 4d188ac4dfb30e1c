"""Which column is the time, the answer, the truth: by what the user says, else by name and content."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from driftline.errors import Problem
from driftline.onboarding.scores import bad_values, probable, why_no_score
from driftline.onboarding.wishes import NONE, Wishes
from driftline.reference import names
from driftline.reference.exclusion import REASON, both_lists, excluded, exclusion_problems
from driftline.reference.facts import Column
from driftline.reference.judgement import commas
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


def _as_id(column: Column) -> str | None:
    if column.distinct == column.present == column.rows:
        return None
    return f"{column.distinct} different values in {column.rows} rows; an id must be there once"


_KINDS = (
    _Kind("time", "--time", "time", names.TIME, _as_time),
    _Kind("label_time", "--label-time", "time of the label", names.LABEL_TIME, _as_time),
    _Kind("prediction_id", "--id", "prediction id", names.ID, _as_id),
    _Kind("score", "--score", "score", names.SCORE, why_no_score),
    _Kind("prediction", "--prediction", "prediction", names.PREDICTION, _any),
    _Kind("label", "--label", "label", names.LABEL, _any),
)


def find_roles(columns: Mapping[str, Column], wishes: Wishes) -> tuple[Roles, list[Why], list[Problem]]:
    """The roles and their reasons, or what is wrong with what was said."""
    said_names = _names_said(wishes)
    problems = [*_unknown_names(columns, wishes), *exclusion_problems(wishes.exclude, columns, said_names)]
    problems += both_lists(wishes.features, wishes.exclude)
    out = excluded(wishes.exclude, columns, {name for names in said_names.values() for name in names})
    columns = {name: column for name, column in columns.items() if name not in out}
    problems += _commas(columns, wishes)
    taken, found = _said(columns, wishes)
    problems += found
    said = set(taken)
    taken |= _guessed(columns, taken, wishes)
    why = [
        (kind.words, taken[kind.field], "as you say" if kind.field in said else "by its name and values")
        for kind in sorted(_KINDS, key=lambda kind: kind.field not in said) if kind.field in taken
    ]  # fmt: skip
    problems += _needed(columns, taken, wishes) if not problems else []
    no_scores = _no_scores(columns, taken, wishes)
    left = [
        ("left out", name, reason)
        for name, reason in (*no_scores.items(), *((n, REASON) for n in sorted(out)))
    ]
    return Roles(**taken, dropped=(*no_scores, *out)), [*why, *left, *_bad_scores(columns, taken)], problems


def _said(columns: Mapping[str, Column], wishes: Wishes) -> tuple[dict[str, str], list[Problem]]:
    """The roles that are given, each held against what its column can be."""
    problems = []
    taken: dict[str, str] = {}
    for kind in _KINDS:
        wish = getattr(wishes, kind.field)
        if wish is None or wish == NONE or wish not in columns:
            continue
        reason = kind.fits(columns[wish])
        if reason is not None:
            problems.append(Problem(kind.option, f"{wish} cannot be the {kind.words}: {reason}"))
        elif wish in wishes.as_features:
            problems.append(
                Problem(kind.option, f"{wish} is named as a feature too; it can be one of the two")
            )
        elif wish in taken.values():
            problems.append(Problem(kind.option, f"{wish} is named for two things"))
        else:
            taken[kind.field] = wish
    return taken, problems


def _guessed(columns: Mapping[str, Column], said: Mapping[str, str], wishes: Wishes) -> dict[str, str]:
    """The roles that nothing is said of."""
    found: dict[str, str] = {}
    for kind in _KINDS:
        if getattr(wishes, kind.field) is None:
            name = _by_name(columns, kind, wishes.as_features | {*said.values(), *found.values()})
            if name is not None:
                found[kind.field] = name
    return found


def _no_scores(columns: Mapping[str, Column], taken: Mapping[str, str], wishes: Wishes) -> dict[str, str]:
    """Probable scores with values that are none, unless there is a score or they are named as features."""
    if "score" in taken or wishes.score == NONE:
        return {}
    return dict(probable(columns, wishes.as_features | {*taken.values()}))


def _bad_scores(columns: Mapping[str, Column], taken: Mapping[str, str]) -> list[Why]:
    score = taken.get("score")
    said = bad_values(columns[score]) if score is not None else None
    return [("look at", score, said)] if score is not None and said is not None else []


def _by_name(columns: Mapping[str, Column], kind: _Kind, taken: Collection[str]) -> str | None:
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
    """With the columns that hold some, or the one that by its name should."""
    if timed := [name for name, column in columns.items() if column.unit is not None]:
        return f"no column of times has a name that says so; {', '.join(timed)} may be it, or say --every 1m"
    named = names.ranked(columns, names.TIME)
    why = f" ({named[0]}: {_as_time(columns[named[0]])})" if named else ""
    return f"no column holds times{why}; name one, or say --every 1m for rows at that pace"


def _commas(columns: Mapping[str, Column], wishes: Wishes) -> list[Problem]:
    """Numbers that cannot be read as such: without them no guess is worth anything."""
    wrong = [c for c in columns.values() if c.commas and _is_asked_for(c.name, wishes)]
    if not wrong:
        return []
    named = ", ".join(column.name for column in wrong)
    return [
        Problem(named, f"{commas(wrong[0])} (or say --categorical, if they are categories, or --exclude)")
    ]


def _is_asked_for(name: str, wishes: Wishes) -> bool:
    """Whether it may be anything but a category."""
    return name not in wishes.categorical and (wishes.features is None or name in wishes.features)


def _unknown_names(columns: Mapping[str, Column], wishes: Wishes) -> list[Problem]:
    """Every column that was named and is not there."""
    return [*unknown_names(_names_said(wishes), columns), *both_kinds(wishes.categorical, wishes.numeric)]


def _names_said(wishes: Wishes) -> dict[str, list[str]]:
    """The columns that are named, by option."""
    said: dict[str, tuple[str | None, ...]] = {kind.option: (getattr(wishes, kind.field),) for kind in _KINDS}
    said |= {
        "--features": wishes.features or (), "--categorical": wishes.categorical, "--numeric": wishes.numeric,
    }  # fmt: skip
    return {option: [n for n in wished if n is not None and n != NONE] for option, wished in said.items()}

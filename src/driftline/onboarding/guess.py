"""What the columns of a user's data mean: a guess with its reasons, or all that keeps it from working."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from driftline.errors import Problem
from driftline.onboarding.features import find_features, told
from driftline.onboarding.roles import Roles, Why, find_roles
from driftline.onboarding.wishes import Wishes
from driftline.reference import names
from driftline.reference.facts import MANY, Column
from driftline.reference.judgement import Judgement
from driftline.settings import DEFAULT_THRESHOLD, Task

_LAST = ("left out", "look at", "assumed")
"""Rows that stand below those that say what is what."""
MeanScores = Callable[[str, str], Mapping[str, float]]
"""(score, label) -> mean score of each class."""
_CONTINUOUS = 20
"""A numeric answer of more different values is a regression's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What each column is, and why it was taken so."""

    task: Task
    roles: Roles
    positive: str | None
    threshold: float | None
    """Score from which on the positive class is meant; None: there is no score, or a column has the class."""
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    why: tuple[Why, ...]
    """(what, the guess, the reason), in the order in which people read them."""

    @property
    def features(self) -> tuple[str, ...]:
        """All of them, numbers first."""
        return (*self.numeric, *self.categorical)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Said(Generic[T]):
    value: T
    why: str


def guess(
    columns: Mapping[str, Column],
    wishes: Wishes,
    mean_scores: MeanScores,
    nested: tuple[str, ...] | None = None,
) -> tuple[Guess | None, list[Problem]]:
    """The guess, or everything that is wrong. ``nested``: the only columns that may be features."""
    roles, why, problems = find_roles(columns, wishes)
    if problems:
        return None, problems
    task = _task(columns, roles, wishes)
    why.append(("task", task.value.value, task.why))
    positive, found = _positive(columns, roles, wishes, task.value, mean_scores)
    problems += found
    if positive is not None:
        why.append(("positive class", positive.value, positive.why))
    threshold = DEFAULT_THRESHOLD if wishes.threshold is None else wishes.threshold
    roles, remarks, found = _answers(
        columns, roles, task.value, positive.value if positive else None, threshold
    )
    why = [row for row in why if row[0] in _LAST or row[1] not in roles.dropped] + remarks
    problems += [*found, *_needless_threshold(wishes, roles, task.value)]
    judged = find_features(columns, roles, wishes, nested)
    if not (judged.numeric or judged.categorical or wishes.features == () or roles.label is not None):
        problems.append(_no_features(judged, columns))
    if problems:
        return None, problems
    return Guess(
        task=task.value, roles=roles, positive=positive.value if positive else None,
        threshold=threshold if _by_score(roles, task.value) else None,
        numeric=judged.numeric, categorical=judged.categorical, why=_in_order([*why, *told(judged)]),
    ), []  # fmt: skip


def _in_order(why: list[Why]) -> tuple[Why, ...]:
    """What is taken, then what is left out, then what wants a look."""
    return tuple(sorted(why, key=lambda row: _LAST.index(row[0]) if row[0] in _LAST else -1))


def _no_features(judged: Judgement, columns: Mapping[str, Column]) -> Problem:
    left = "; ".join(f"{name}: {why}" for name, why in judged.left)
    return Problem(
        "--features",
        f"no column is left as a feature ({left or ', '.join(columns)}); name those that are some, "
        "or say --features - for a model of which the answers alone are known",
    )


def _by_score(roles: Roles, task: Task) -> bool:
    """Whether the score alone tells the class."""
    return task is Task.BINARY and roles.score is not None and roles.prediction is None


def _needless_threshold(wishes: Wishes, roles: Roles, task: Task) -> list[Problem]:
    if wishes.threshold is None or _by_score(roles, task):
        return []
    if task is not Task.BINARY:
        message = f"a {task} task has none; leave it out"
    elif roles.score is None:
        message = "there is no score that it could be held against; name one with --score"
    else:
        message = (
            f"{roles.prediction} has the predicted class already; with --prediction - the score tells it"
        )
    return [Problem("--threshold", message)]


def _task(columns: Mapping[str, Column], roles: Roles, wishes: Wishes) -> _Said[Task]:
    if wishes.task is not None:
        return _Said(wishes.task, "as you say")
    if wishes.positive is not None or roles.score is not None:
        what = f"there is a score, {roles.score}" if roles.score else "there is a positive class"
        return _Said(Task.BINARY, what)
    truth = columns[roles.label or roles.prediction or ""]
    if truth.numeric and truth.distinct > _CONTINUOUS:
        return _Said(Task.REGRESSION, f"{truth.name} has {truth.distinct} different numbers")
    classes = _classes(columns, roles)
    many = Task.BINARY if len(classes) == 2 else Task.MULTICLASS
    return _Said(many, f"{truth.name} has {len(classes) or truth.distinct} classes")


def _classes(columns: Mapping[str, Column], roles: Roles) -> list[str]:
    """Of the label where there is one, since a prediction may never have said some of them."""
    return list(columns[roles.label or roles.prediction or roles.score or ""].values)


def _positive(
    columns: Mapping[str, Column], roles: Roles, wishes: Wishes, task: Task, mean_scores: MeanScores
) -> tuple[_Said[str] | None, list[Problem]]:
    if task is not Task.BINARY:
        if wishes.positive is None:
            return None, []
        return None, [Problem("--positive", f"a {task} task has no positive class; leave it out")]
    if roles.label is None and roles.prediction is None:
        if wishes.positive is not None:
            return _Said(wishes.positive, "as you say"), []
        return None, [Problem("--positive", "there are only scores; give the name of the class they are of")]
    classes = _classes(columns, roles)
    if wishes.positive is not None:
        if wishes.positive in classes:
            return _Said(wishes.positive, "as you say"), []
        return None, [_no_class("--positive", wishes.positive, classes, roles)]
    if len(classes) != 2:
        named = f"{', '.join(classes[:8])}" if classes else "too many to list"
        return None, [
            Problem("--task", f"binary needs two classes in {roles.label or roles.prediction}; found {named}")
        ]
    return _likely_positive(classes, roles, mean_scores), []


def _no_class(option: str, word: str, classes: list[str], roles: Roles) -> Problem:
    known = ", ".join(classes) or "too many to list"
    return Problem(
        option, f'"{word}" does not occur in {roles.label or roles.prediction}; its classes are: {known}'
    )


def _likely_positive(classes: list[str], roles: Roles, mean_scores: MeanScores) -> _Said[str]:
    if roles.score is not None and roles.label is not None:
        means = mean_scores(roles.score, roles.label)
        best = max(classes, key=lambda c: means.get(c, 0.0))
        other = min(classes, key=lambda c: means.get(c, 0.0))
        return _Said(
            best,
            f"its rows have the higher {roles.score}: {means.get(best, 0):.2f} against {means.get(other, 0):.2f}",
        )
    usual = [word for word in names.POSITIVE for c in classes if c.lower() == word]
    if usual:
        return _Said(next(c for c in classes if c.lower() == usual[0]), "by its name")
    return _Said(classes[-1], f"the last of {' and '.join(classes)}: look whether that is right")


def _answers(
    columns: Mapping[str, Column], roles: Roles, task: Task, positive: str | None, threshold: float
) -> tuple[Roles, list[Why], list[Problem]]:
    """Predictions must be in the words of the labels; where they are not, the score may stand for them."""
    predicted = columns[roles.prediction] if roles.prediction else None
    if task is Task.REGRESSION:
        wrong = [c for c in (predicted, columns.get(roles.label or "")) if c is not None and not c.numeric]
        found = [Problem("--task", f"regression needs numbers; {c.name} holds others") for c in wrong]
        if predicted is None:
            found.append(Problem("--prediction", "regression needs the predicted number"))
        return roles.without_score(), [], found
    if predicted is not None and not predicted.values and predicted.distinct <= MANY:
        return roles, [], [Problem("--prediction", f"{predicted.name} holds no class, but lists or objects")]
    if task is Task.MULTICLASS and predicted is None:
        return roles, [], [Problem("--prediction", "multiclass needs the predicted class")]
    if predicted is None or roles.label is None or task is not Task.BINARY:
        return roles, [], []
    truth = set(columns[roles.label].values) | ({positive} if positive else set())
    strange = sorted(set(predicted.values) - truth)
    if predicted.values and not strange:
        return roles, [], []
    words = (
        f"{', '.join(predicted.values[:4]) or 'many values'}, and {roles.label} {', '.join(sorted(truth))}"
    )
    if roles.score is None:
        message = f"{predicted.name} holds {words}: write both in the same words"
        return roles, [], [Problem("--prediction", message)]
    why = f"it holds {words}; {roles.score} with the threshold {threshold} stands for it"
    return roles.without_prediction(), [("left out", predicted.name, why)], []

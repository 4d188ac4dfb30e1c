"""What to make of the columns of a data file, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from driftline.errors import Problem
from driftline.reference.tables import Span
from driftline.settings import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """Options of a reference; columns are names."""

    model: str
    version: str
    features: tuple[str, ...] | None = None
    """All features, categorical ones included; None: every column that is judged to be one."""
    categorical: tuple[str, ...] = ()
    """Features that are categories whatever their type."""
    numeric: tuple[str, ...] = ()
    """Features that are numbers whatever their type; what is no number is invalid."""
    exclude: tuple[str, ...] = ()
    """Names or globs of columns that are no features."""
    prediction: str | None = None
    score: str | None = None
    label: str | None = None
    positive: str | None = None
    threshold: float | None = None
    """Score from which the positive class is meant, where no column has the predicted class; None: 0.5."""
    task: Task | None = None
    """None: inferred."""
    time: str | None = None
    rows: Span = (0, None)
    """Half-open."""
    lineage: Mapping[str, str] = field(default_factory=dict)
    """Code commit, run id, parameters: kept as they are."""

    @property
    def outputs(self) -> dict[str, str]:
        """Option to column of what is no feature by itself."""
        given = {
            "--prediction": self.prediction, "--score": self.score, "--label": self.label, "--time": self.time,
        }  # fmt: skip
        return {option: name for option, name in given.items() if name is not None}

    @property
    def said(self) -> dict[str, tuple[str, ...]]:
        """Option to the columns that it names."""
        return {
            "--features": self.features or (), "--categorical": self.categorical, "--numeric": self.numeric,
            **{option: (name,) for option, name in self.outputs.items()},
        }  # fmt: skip


def problems_of(options: BuildOptions, columns: Collection[str]) -> list[Problem]:
    """Everything that is wrong with the names of columns."""
    return [
        *unknown_names(options.said, columns),
        *both_kinds(options.categorical, options.numeric),
        *_not_named(options),
        *_label_named(options),
        *_threshold_named(options),
    ]


def unknown_names(said: Mapping[str, Collection[str]], columns: Collection[str]) -> Iterator[Problem]:
    """The names that no column has. ``said``: by option."""
    for option, names in said.items():
        for name in names:
            if name not in columns:
                yield Problem(option, f'there is no column "{name}"; {nearest(name, columns)}')


def nearest(name: str, columns: Collection[str]) -> str:
    """The column that may be meant, or all that there are."""
    near = get_close_matches(name, columns, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else f"the columns are: {', '.join(columns)}"


def both_kinds(categorical: Collection[str], numeric: Collection[str]) -> Iterator[Problem]:
    """What is named as a category and as a number."""
    for name in sorted({*categorical} & {*numeric}):
        yield Problem("--numeric", f"{name} cannot be categorical too")


def _not_named(options: BuildOptions) -> Iterator[Problem]:
    if options.features is None:
        return
    for option, names in (("--categorical", options.categorical), ("--numeric", options.numeric)):
        for name in names:
            if name not in options.features:
                message = (
                    f"{name} is not among --features, which names all features, categorical ones included"
                )
                yield Problem(option, message)


def _label_named(options: BuildOptions) -> Iterator[Problem]:
    if options.label is not None and options.label in (options.features or ()):
        yield Problem("--features", f"{options.label} is the label; what is known only later is no feature")


def _threshold_named(options: BuildOptions) -> Iterator[Problem]:
    """Why a threshold that is given would have no effect."""
    if options.threshold is None:
        return
    if options.task not in (None, Task.BINARY):
        yield Problem("--threshold", f"a {options.task} task has none; leave it out")
    elif options.prediction is not None:
        yield Problem(
            "--threshold",
            f"{options.prediction} has the predicted class already; leave out --threshold or --prediction",
        )
    elif missing := _needed_by_threshold(options):
        yield Problem("--threshold", f"makes classes of scores only with {', '.join(missing)}")


def _needed_by_threshold(options: BuildOptions) -> list[str]:
    needed = {
        "--score": options.score, "--label (it names the other class)": options.label, "--positive": options.positive,
    }  # fmt: skip
    return [option for option, given in needed.items() if given is None]

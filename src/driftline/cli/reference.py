"""``driftline reference``: build a reference from a data file, and show one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from driftline.errors import DriftlineError, UsageError
from driftline.reference.file import dump, load
from driftline.settings import DEFAULT_GATES, Task

if TYPE_CHECKING:
    from driftline.reference.profile import CategoricalProfile, NumericProfile, Profile
    from driftline.reference.tables import Progress as Report

_SHOWN_CATEGORIES = 5
_PIPED_WIDTH = 120


class _Failure(click.ClickException):
    """A driftline error with its own exit code."""

    def __init__(self, error: DriftlineError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc]


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except DriftlineError as error:
        raise _Failure(error) from error


class _Names(click.ParamType[tuple[str, ...]]):
    """Column names, separated by commas."""

    name = "a,b"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        del param, ctx
        return value if isinstance(value, tuple) else tuple(n.strip() for n in value.split(",") if n.strip())


class _Rows(click.ParamType[tuple[int, int | None]]):
    """A half-open span of rows."""

    name = "A:B"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int | None]:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d*):(\d*)", value)
        if not found:
            self.fail(f"{value!r} is no span of rows; write 0:9072 for the first 9072", param, ctx)
        first, last = int(found[1] or 0), int(found[2]) if found[2] else None
        if last is not None and last <= first:
            self.fail(f"{value!r} holds no row: the span is half-open", param, ctx)
        return first, last


class _Pair(click.ParamType[tuple[str, str]]):
    """key=value."""

    name = "key=value"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, separator, text = value.partition("=")
        if not separator or not key:
            self.fail(f"{value!r} is not key=value", param, ctx)
        return key, text


@click.group()
def reference() -> None:
    """Build and show references: what production is compared with."""


@reference.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="Name of the model.")
@click.option("--version", required=True, help="Its version.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The reference file to write.")
@click.option(
    "--features", type=_Names(), help="ALL features, categorical ones included. Default: all other columns."
)
@click.option(
    "--categorical", type=_Names(), default=(), help="Features that are categories whatever their type."
)
@click.option("--numeric", type=_Names(), default=(), help="Features that are numbers whatever their type.")
@click.option("--prediction", help="Column of the predicted class or number.")
@click.option("--score", help="Column of the positive class's probability.")
@click.option("--label", help="Column of the true class or number.")
@click.option("--positive", help="The positive class of a binary task.")
@click.option("--task", type=click.Choice([task.value for task in Task]), help="Default: inferred.")
@click.option("--rows", type=_Rows(), default=(0, None), help="Rows A to B - 1 only.")
@click.option("--time", help="Column of the event time, for the span of the reference.")
@click.option("--lineage", type=_Pair(), multiple=True, help="code_commit=…, run_id=…; may be repeated.")
def build(data: Path, output: Path, **options: Any) -> None:
    """Build a reference from DATA: CSV(.gz), Parquet, Arrow or JSON lines(.gz).

    In CSV an empty field is missing. A column is numeric or categorical by its type, or by option.
    """
    from driftline.reference.build import BuildOptions, build_profile

    options["lineage"] = dict(options["lineage"])
    options["task"] = Task(options["task"]) if options["task"] else None
    with _failures():
        with _progress() as report:
            profile = build_profile(data, BuildOptions(**options), report)
        _write(output, dump(profile))
    Console(stderr=True).print(_summary(profile, output), markup=False, highlight=False)


@reference.command()
@click.argument("file", type=click.Path(path_type=Path))
def show(file: Path) -> None:
    """Print a reference so that people can read it."""
    with _failures():
        profile = load(file)
    console = Console()
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    console.print(_facts(profile))
    numeric = [*profile.numeric, *(p for p in (profile.score, profile.value) if p)]
    categorical = [*profile.categorical, *(p for p in (profile.predicted, profile.label) if p)]
    if numeric:
        console.print(_numeric_table(numeric))
    if categorical:
        console.print(_categorical_table(categorical))
    if profile.performance.get("metrics"):
        console.print(_metrics_table(profile))


def _write(output: Path, content: bytes) -> None:
    """Write whole or not at all: a daemon may be reading the old one."""
    part = output.with_name(output.name + ".part")
    try:
        part.write_bytes(content)
        part.replace(output)
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from error


@contextmanager
def _progress() -> Iterator[Report]:
    shown = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("reading", total=None)

        def report(stage: str, done: int, total: int) -> None:
            bars.update(bar, description=stage, completed=done, total=total or None)

        yield report


def _summary(profile: Profile, output: Path) -> str:
    numeric = ", ".join(p.name for p in profile.numeric) or "none"
    categorical = ", ".join(p.name for p in profile.categorical) or "none"
    lines = [
        f"{output}: {profile.model}/{profile.version}, {profile.rows} rows",
        f"numeric: {numeric}",
        f"categorical: {categorical}",
    ]
    return "\n".join([*lines, *(f"warning: {text}" for text in _doubts(profile))])


def _doubts(profile: Profile) -> Iterator[str]:
    """What a reference says and is surely not meant."""
    score, least = profile.score, DEFAULT_GATES["drift"]
    if score is not None and (score.minimum < 0 or score.maximum > 1):
        span = f"{score.minimum:g} to {score.maximum:g}"
        yield f"scores are probabilities, and those of {score.name} are {span}: only those from 0 to 1 are measured"
    if profile.rows < least:
        yield f"{profile.rows} rows: against so few every window looks moved; {least} or more are better"


def _facts(profile: Profile) -> Table:
    table = Table(
        title=_plain(f"reference of {profile.model}/{profile.version}"), show_header=False, box=SIMPLE
    )
    facts = {
        "id": profile.id,
        "task": profile.task.value if profile.task else "unknown",
        "positive": profile.positive or "",
        "rows": str(profile.rows),
        "bins": profile.bins_id,
        **{f"lineage {key}": str(value) for key, value in profile.lineage.items()},
    }
    for key, value in facts.items():
        table.add_row(_plain(key), _plain(value))
    return table


def _plain(text: str) -> str:
    """Text of users' data, never read as rich's markup."""
    return text.replace("[", r"\[")


def _numeric_table(profiles: list[NumericProfile]) -> Table:
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for name in ("numeric", "n", "missing", "invalid", "min", "median", "mean", "std", "max", "bins"):
        table.add_column(name, overflow="fold", justify="left" if name == "numeric" else "right")
    for p in profiles:
        numbers = (p.minimum, p.center if p.n else float("nan"), p.mean, p.std, p.maximum)
        counts = (str(c) for c in (p.n, p.missing, p.invalid))
        table.add_row(_plain(p.name), *counts, *(f"{x:.5g}" for x in numbers), str(len(p.counts)))
    return table


def _categorical_table(profiles: list[CategoricalProfile]) -> Table:
    table = Table("categorical", "n", "missing", "invalid", "different", "most frequent", box=SIMPLE)
    for p in profiles:
        top = [f"{v} {c / p.n:.1%}" for v, c in zip(p.categories, p.counts, strict=True)][:_SHOWN_CATEGORIES]
        counts = (str(c) for c in (p.n, p.missing, p.invalid, len(p.categories)))
        table.add_row(_plain(p.name), *counts, _plain(", ".join(top)))
    return table


def _metrics_table(profile: Profile) -> Table:
    table = Table("metric", "value", box=SIMPLE, title=f"validation, n = {profile.performance['n']}")
    for name, value in profile.performance["metrics"].items():
        parts = {f"{name} {k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
        for label, number in parts.items():
            table.add_row(label, f"{number:.6g}")
    return table

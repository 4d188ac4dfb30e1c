"""``driftline reference``: build a reference from a data file, and show one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from driftline.errors import DriftlineError, UsageError
from driftline.reference.file import dump, load
from driftline.settings import Task

if TYPE_CHECKING:
    from driftline.reference.tables import Progress as Report

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
    "--features",
    type=_Names(),
    help="ALL features, categorical ones included. Default: the other columns, but for ids, times and texts.",
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

    In CSV an empty field is missing. Columns that are not named are judged as `driftline init` judges them: what is
    left out, and which whole numbers are taken for categories, is said. What is named is taken as it is.
    """
    from driftline.cli.reference_text import summary
    from driftline.reference.build import build_reference
    from driftline.reference.options import BuildOptions

    options["lineage"] = dict(options["lineage"])
    options["task"] = Task(options["task"]) if options["task"] else None
    with _failures():
        with _progress() as report:
            built = build_reference(data, BuildOptions(**options), report)
        _write(output, dump(built.profile))
    for line in summary(built, output):
        click.echo(line, err=True)


@reference.command()
@click.argument("file", type=click.Path(path_type=Path))
def show(file: Path) -> None:
    """Print a reference so that people can read it."""
    from driftline.cli.reference_text import tables

    with _failures():
        profile = load(file)
    console = Console()
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    for table in tables(profile):
        console.print(table)


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

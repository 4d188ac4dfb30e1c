"""``driftline reference``: build a reference from a data file, and show one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from driftline.cli import failure_text
from driftline.cli.gathered import argument, gathered, option
from driftline.cli.option_values import columns, features, pair, rows, threshold
from driftline.errors import ConfigError, DriftlineError, UsageError
from driftline.reference.file import dump, load
from driftline.settings import Task

if TYPE_CHECKING:
    from driftline.reference.tables import Progress as Report

_PIPED_WIDTH = 120


class _Failure(click.ClickException):
    """A driftline error with its own exit code."""

    def __init__(self, error: DriftlineError) -> None:
        super().__init__(failure_text(error))
        self.exit_code = error.exit_code  # type: ignore[misc]

    def show(self, file: Any = None) -> None:
        """As all commands show theirs."""
        click.echo(self.message, err=file is None, file=file)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except DriftlineError as error:
        raise _Failure(error) from error


@click.group()
def reference() -> None:
    """Build and show references: what production is compared with."""


@reference.command()
@argument("data", type=click.Path(path_type=Path))
@option("--model", required=True, help="Name of the model.")
@option("--version", required=True, help="Its version.")
@option("--output", required=True, type=click.Path(path_type=Path), help="The reference file to write.")
@option(
    "--features",
    type=features,
    metavar="A,B",
    help="ALL features, categorical ones included; - for none. Default: the other columns, but for ids, times and texts.",
)
@option(
    "--categorical",
    type=columns,
    metavar="A,B",
    default=(),
    help="Features that are categories whatever their type.",
)
@option(
    "--numeric",
    type=columns,
    metavar="A,B",
    default=(),
    help="Features that are numbers whatever their type.",
)
@option(
    "--exclude",
    type=columns,
    metavar="A,B",
    default=(),
    help="Columns that are no features; globs too: 'raw_*'. What another option names is kept.",
)
@option("--prediction", help="Column of the predicted class or number.")
@option("--score", help="Column of the positive class's probability.")
@option("--label", help="Column of the true class or number.")
@option("--positive", help="The positive class of a binary task.")
@option(
    "--threshold",
    type=threshold,
    metavar="T",
    help="With --score and no --prediction: the positive class is meant from this score on.  [0.5]",
)
@option("--task", type=click.Choice([task.value for task in Task]), help="Default: inferred.")
@option("--rows", type=rows, metavar="A:B", help="Rows A to B - 1 only.")
@option("--time", help="Column of the event time, for the span of the reference.")
@option(
    "--lineage",
    type=pair,
    metavar="KEY=VALUE",
    multiple=True,
    help="code_commit=…, run_id=…; may be repeated.",
)
def build(data: Path, output: Path, **options: Any) -> None:
    """Build a reference from DATA: CSV(.gz), Parquet, Arrow or JSON lines(.gz).

    In CSV an empty field is missing. Columns that are not named are judged as `driftline init` judges them: what is
    left out, and which whole numbers are taken for categories, is said. What is named is taken as it is.
    """
    from driftline.cli.reference_text import summary
    from driftline.reference.build import build_reference
    from driftline.reference.options import BuildOptions

    with _failures():
        if problems := gathered(click.get_current_context()):
            raise ConfigError(problems, "the command line")
        options["lineage"] = dict(options["lineage"])
        options["task"] = Task(options["task"]) if options["task"] else None
        options["rows"] = options["rows"] or (0, None)
        with _progress() as report:
            built = build_reference(data, BuildOptions(**options), report)
        replaced = _id_of(output)
        _write(output, dump(built.profile))
    for line in summary(built, output, options["rows"], replaced):
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


def _id_of(output: Path) -> str | None:
    """The id of the reference that is replaced, empty for another file; None where there is nothing."""
    if not output.exists():
        return None
    try:
        return load(output).id
    except DriftlineError:
        return ""


def _write(output: Path, content: bytes) -> None:
    """Write whole or not at all: a daemon may be reading the old one."""
    part = output.with_name(output.name + ".part")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(output)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from error


@contextmanager
def _progress() -> Iterator[Report]:
    shown = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*shown, console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task("reading", total=None)

        def report(stage: str, done: int, total: int) -> None:
            bars.update(bar, description=stage, completed=done, total=total or None)

        yield report

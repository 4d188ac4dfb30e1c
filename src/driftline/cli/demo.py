"""``driftline demo``: a model decays on real data until driftline asks for its retraining."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from string import Template
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from driftline.demo import elec2, processes
from driftline.demo.story import REQUESTED, Story, quarters, send_events
from driftline.errors import DriftlineError
from driftline.reference.build import build_profile
from driftline.reference.file import dump
from driftline.reference.options import BuildOptions

PARTITIONS = 4
CHUNK = timedelta(days=28)


@click.command(short_help="The whole story on real data, with an embedded broker.")
@click.option("--exit", "exit_", is_flag=True, help="End after the summary, on a terminal too.")
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), help="Work in this folder and leave it there."
)
def demo(exit_: bool, keep: Path | None) -> None:
    """Run the real daemon on 2.5 years of the New South Wales electricity market, in about a minute."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the parts are ended too
    # In a file a line is a line, however long; the width is that of the table.
    there = sys.stdout.isatty()
    console = Console(highlight=False, width=None if there else 140, soft_wrap=not there)
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="driftline-demo-")))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            story = _start(stack, folder, console)
            samples = _live(story, console)
        except RuntimeError as error:
            raise DriftlineError(
                f"{error}: {(folder / 'daemon.log').read_text(encoding='utf-8')[-2000:]}"
            ) from error
        _subscriber(story, console)
        _summary(console, samples, story)
        if sys.stdout.isatty() and not exit_:
            console.print(
                f"\nThe page: {story.address}/   metrics: {story.address}/metrics   (Ctrl-C ends the demo)"
            )
            _stay()


def _start(stack: ExitStack, folder: Path, console: Console) -> Story:
    console.print("[bold]1.[/] the embedded broker")
    broker, servers = processes.start_broker(PARTITIONS)
    stack.callback(processes.stop, broker)
    console.print(f"   {servers}")
    console.print("[bold]2.[/] the reference: the 27 weeks that the model was validated on")
    _build_reference(folder, console)
    port = processes.free_port()
    text = Template(_text("config.yaml")).substitute(bootstrap_servers=servers, port=port)
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    console.print("[bold]3.[/] the daemon, a process of its own: driftline run --config config.yaml")
    daemon = processes.start_daemon(folder / "config.yaml", folder / "daemon.log")
    stack.callback(processes.stop, daemon)
    story = Story(f"http://127.0.0.1:{port}", servers, console.print, lambda: daemon.poll() is None)
    stack.callback(story.close)
    story.wait_until_up()
    return story


def _text(name: str) -> str:
    return (Path(elec2.__file__).parent / name).read_text(encoding="utf-8")


def _build_reference(folder: Path, console: Console) -> None:
    data = folder / "validated.csv"
    elec2.write_reference_data(data)
    options = BuildOptions(
        model="elec2", version="1", features=elec2.FEATURES, categorical=("day",), prediction="prediction",
        score="score", label="label", positive="UP", time="ts",
    )  # fmt: skip
    profile = build_profile(data, options)
    (folder / "references").mkdir(exist_ok=True)
    (folder / "references" / "elec2-1.json").write_bytes(dump(profile))
    metrics = profile.performance["metrics"]
    console.print(
        f"   {profile.rows} rows; validated F1 {metrics['f1']:.3f}, accuracy {metrics['accuracy']:.3f}"
    )


def _live(story: Story, console: Console) -> list[dict[str, Any]]:
    """Send everything, 28 days at a time, as fast as the daemon keeps up."""
    console.print("[bold]4.[/] production: predictions every half hour, labels a day later\n")
    samples: list[dict[str, Any]] = []
    with Progress(
        TextColumn("{task.fields[date]}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), console=console,
        disable=not console.is_terminal,
    ) as progress:  # fmt: skip
        story.tell = progress.console.print
        task = progress.add_task("events", total=2 * (45_312 - elec2.REFERENCE_ROWS), date="1996-11-12")
        sent = 0
        for until, chunk in _chunks(elec2.events()):
            sent += send_events(story.bootstrap_servers, iter(chunk), lambda _n: None)
            _wait(story, until)
            progress.update(task, completed=sent, date=f"{until:%Y-%m-%d}")
            samples += story.get("/api/v1/samples?limit=10000") or []
    _wait_quiet(story)
    samples += story.get("/api/v1/samples?limit=10000") or []
    return samples


class _When(msgspec.Struct):
    time: datetime


def _chunks(
    events: Iterator[tuple[str, str, bytes]],
) -> Iterator[tuple[datetime, list[tuple[str, str, bytes]]]]:
    """Events of 28 days each, with the time of the last one."""
    decode = msgspec.json.Decoder(_When).decode
    origin = datetime.fromisoformat("1996-11-12T00:00:00+00:00")

    def number(event: tuple[str, str, bytes]) -> int:
        return (decode(event[2]).time - origin) // CHUNK

    for _number, group in itertools.groupby(events, key=number):
        chunk = list(group)
        yield decode(chunk[-1][2]).time, chunk


def _wait(story: Story, until: datetime, patience_s: float = 60) -> None:
    """Until the daemon has come near the end of what was sent."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        story.look()
        reached = story.watermark()
        if reached is not None and reached >= until - timedelta(days=1, hours=6):
            break
        time.sleep(0.05)
    time.sleep(1.1)  # the view is made anew once a second
    story.look()


def _wait_quiet(story: Story) -> None:
    """All partitions become idle, and the last windows are judged."""
    last, since = None, time.monotonic()
    while time.monotonic() - since < 15:
        story.look()
        now = story.watermark()
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.2)


def _subscriber(story: Story, console: Console) -> None:
    console.print(
        "\n[bold]5.[/] a retraining job, subscribed to driftline.triggers (examples/retrain.py), does this:\n"
    )
    command = [sys.executable, str(_example()), story.bootstrap_servers, "--wait", "8"]
    console.print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, markup=False)  # noqa: S603
    if not any(e["type"] == REQUESTED for e in story.events):
        raise DriftlineError("no retraining was requested: the demo's story did not happen")


def _example() -> Path:
    """The example as packaged, else as it lies in the checkout."""
    packaged = Path(elec2.__file__).parent / "retrain.py"
    return packaged if packaged.exists() else Path(elec2.__file__).parents[3] / "examples" / "retrain.py"


def _summary(console: Console, samples: list[dict[str, Any]], story: Story) -> None:
    table = Table(title="elec2, version 1: the validated F1 was 0.789")
    for name in ("quarter", "F1 (28 d)", "most drifted features (PSI)", "retraining requested"):
        table.add_column(name)
    for row in quarters(iter(samples), story.events):
        table.add_row(*row)
    console.print()
    console.print(table)


def _stay() -> None:
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        pass

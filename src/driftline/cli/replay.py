"""``driftline replay``: canonical events from files, or a stretch of Kafka, through the same engine."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from driftline.cli import episodes as shown
from driftline.cli import replay_inputs
from driftline.cli.option_values import brokers
from driftline.cli.outputs import check_outputs, open_output, write_lines
from driftline.cli.replay_inputs import Input
from driftline.cli.replay_run import Unusable, run
from driftline.config.model import Config
from driftline.config.parse import load_config
from driftline.errors import UsageError
from driftline.instants import parse_instant
from driftline.pipeline.episodes import Episode, Watch, since
from driftline.pipeline.stream import Samples
from driftline.records import Kind, Message
from driftline.settings import StreamSettings
from driftline.wiring import build_engine

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUT = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a replay writes, and of which time."""

    samples: Path | None
    final: bool
    triggers: Path | None
    episodes: Path | None
    as_json: bool
    controls: Path | None
    from_ms: int | None
    until_ms: int | None


@click.command(short_help="Run events from files, or from Kafka, through the same engine.")
@click.option("--config", "config_path", required=True, type=_FILE)
@click.option("--stream", "stream_name", help="The stream to replay; needed when there are several.")
@click.option("--predictions", multiple=True, type=_FILE)
@click.option("--labels", multiple=True, type=_FILE)
@click.option("--features", multiple=True, type=_FILE)
@click.option(
    "--from-kafka", is_flag=True, help="Read the stream's topics instead of files, to their end of now."
)
@click.option(
    "--bootstrap-servers",
    type=brokers,
    metavar="B",
    help="With --from-kafka: another Kafka than the configuration's.",
)
@click.option(
    "--offsets",
    multiple=True,
    metavar="TOPIC:PARTITION:FIRST-LAST",
    help="With --from-kafka: these records only, both ends included; one range a partition.",
)
@click.option(
    "--range",
    "range_path",
    type=_FILE,
    help="With --from-kafka: the data_range of a trigger event (a JSON file).",
)
@click.option(
    "--controls",
    type=_FILE,
    metavar="STATE",
    help="A state file: where the logs do not tell (idle partitions), decide as its daemon did.",
)
@click.option(
    "--samples", "samples_path", type=_OUT, help="Write every judged sample, as JSON lines; - is stdout."
)
@click.option(
    "--final",
    is_flag=True,
    help="After each judged performance line, one with all labels within the horizon.",
)
@click.option("--triggers", "triggers_path", type=_OUT, help="Write the events that would be published.")
@click.option(
    "--episodes",
    "episodes_path",
    type=_OUT,
    help="Write what each rule did: pending since, fired, ended, worst value, events.",
)
@click.option("--json", "as_json", is_flag=True, help="With --episodes: JSON lines instead of a table.")
@click.option("--from", "from_", metavar="T", help="Write only what is judged at or after this instant.")
@click.option("--until", metavar="T", help="Close windows up to this instant beyond the end of the input.")
def replay(
    config_path: Path, stream_name: str | None, predictions: tuple[Path, ...], labels: tuple[Path, ...],
    features: tuple[Path, ...], from_kafka: bool, bootstrap_servers: str | None, offsets: tuple[str, ...],
    range_path: Path | None, controls: Path | None, samples_path: Path | None, final: bool, triggers_path: Path | None,
    episodes_path: Path | None, as_json: bool, from_: str | None, until: str | None,
) -> None:  # fmt: skip
    """Read canonical events (JSON lines, .gz too) and judge them as the daemon would have.

    Each file is one partition of its topic, in file order. Nothing is kept: there is no state file. Lines that
    cannot be used are told on stderr and counted. Rules on silence look at the wall clock and are not judged.
    """
    config = load_config(config_path, os.environ)
    stream = replay_inputs.choose_stream(config.streams, stream_name)
    paths = {Kind.PREDICTION: predictions, Kind.LABEL: labels, Kind.FEATURES: features}
    inputs = [*predictions, *labels, *features]
    wanted = _Wanted(
        samples_path, final, triggers_path, episodes_path, as_json, controls,
        _instant("--from", from_), _instant("--until", until),
    )  # fmt: skip
    _check(
        wanted, inputs, from_kafka=from_kafka, kafka_options=bool(bootstrap_servers or offsets or range_path)
    )
    source: Input
    if from_kafka:
        source = replay_inputs.kafka(stream, config.kafka, bootstrap_servers, offsets, range_path)
    else:
        source = replay_inputs.files(stream, paths)
    try:
        _replay(config, stream, source, wanted)
        for path, count in getattr(source, "repeated", {}).items():
            click.echo(f"{path}: lines left out, whose offset is not above the one before: {count}", err=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader of stdout has seen enough
    finally:
        source.close()


def _check(wanted: _Wanted, inputs: list[Path], *, from_kafka: bool, kafka_options: bool) -> None:
    outputs = {"--samples": wanted.samples, "--triggers": wanted.triggers, "--episodes": wanted.episodes}
    check_outputs(outputs, inputs)
    if from_kafka and inputs:
        raise UsageError("--from-kafka reads no files; leave --predictions, --labels and --features out")
    if kafka_options and not from_kafka:
        raise UsageError("--bootstrap-servers, --offsets and --range need --from-kafka")
    if wanted.final and wanted.samples is None:
        raise UsageError("--final is about samples: give --samples")
    if wanted.as_json and wanted.episodes is None:
        raise UsageError("--json is about episodes: give --episodes")


def _replay(config: Config, stream: StreamSettings, source: Input, wanted: _Wanted) -> None:
    with ExitStack() as stack:
        samples = None
        if wanted.samples:
            out = open_output(stack, "--samples", wanted.samples)
            samples = Samples(
                lambda lines: write_lines(out, lines), final=wanted.final, from_ms=wanted.from_ms
            )
        triggers = open_output(stack, "--triggers", wanted.triggers) if wanted.triggers else None
        told = open_output(stack, "--episodes", wanted.episodes) if wanted.episodes else None
        engine = build_engine(config, stream, samples)
        if wanted.controls:
            engine.pipeline.obey(replay_inputs.controls(wanted.controls, stream.name))
        watch = Watch(engine.rules, config.rules) if engine.rules is not None else None
        if told or on_terminal():
            engine.rules = watch
        unusable = Unusable(lambda text: click.echo(text, err=True), stream.places)
        messages = run(engine, source, wanted.until_ms, unusable, final=wanted.final)
        messages = [m for m in messages if wanted.from_ms is None or judged_ms(m) >= wanted.from_ms]
        if triggers:
            write_lines(triggers, (m.value or b"" for m in messages))
        found = _episodes(watch, wanted.from_ms)
        if told:
            write_lines(told, map(shown.line, found) if wanted.as_json else [shown.table(found).encode()])
    _summary(messages)
    if on_terminal() and not told:
        click.echo(shown.table(found), err=True)


def on_terminal() -> bool:
    """Whether a person reads stderr."""
    return sys.stderr.isatty()


def _episodes(watch: Watch | None, from_ms: int | None) -> list[Episode]:
    if watch is None:
        return []
    watch.settle()
    return list(since(watch.episodes, from_ms))


def _instant(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def judged_ms(message: Message) -> int:
    """The instant at which an event was judged."""
    return parse_instant(dict(message.headers)["ce_time"].decode())


def _summary(messages: list[Message]) -> None:
    if not messages:
        click.echo("no events would have been published", err=True)
        return
    plural = "" if len(messages) == 1 else "s"
    table = Table(title=f"{len(messages)} event{plural} would have been published")
    for name in ("time", "type", "subject"):
        table.add_column(name)
    for message in messages[:200]:
        headers = {k: v.decode() for k, v in message.headers}
        table.add_row(headers["ce_time"], headers["ce_type"], headers["ce_subject"])
    Console(stderr=True).print(table)

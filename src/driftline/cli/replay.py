"""``driftline replay``: canonical events from files through the same engine."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import click
from rich.console import Console
from rich.table import Table

from driftline.config.parse import load_config
from driftline.errors import UsageError
from driftline.instants import parse_instant
from driftline.pipeline.stream import Samples, StreamEngine
from driftline.records import Kind, Message
from driftline.settings import StreamSettings
from driftline.sources.files import FileSource
from driftline.wiring import build_engine, without_future_check

CHUNK = 20_000


@click.command(short_help="Run events from files through the same engine.")
@click.option(
    "--config", "config_path", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--stream", "stream_name", help="The stream to replay; needed when there are several.")
@click.option("--predictions", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--labels", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--features", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--samples",
    "samples_path",
    type=click.Path(path_type=Path),
    help="Write every judged sample, as JSON lines.",
)
@click.option(
    "--final",
    is_flag=True,
    help="After each judged performance line, one with all labels within the horizon.",
)
@click.option(
    "--triggers",
    "triggers_path",
    type=click.Path(path_type=Path),
    help="Write the events that would be published.",
)
@click.option("--from", "from_", metavar="T", help="Write only what is judged at or after this instant.")
@click.option("--until", metavar="T", help="Close windows up to this instant beyond the end of the input.")
def replay(
    config_path: Path, stream_name: str | None, predictions: tuple[Path, ...], labels: tuple[Path, ...],
    features: tuple[Path, ...], samples_path: Path | None, final: bool, triggers_path: Path | None,
    from_: str | None, until: str | None,
) -> None:  # fmt: skip
    """Read canonical events (JSON lines, .gz too) and judge them as the daemon would have.

    Each file is one partition of its topic, in file order. Nothing is kept and no Kafka is needed.
    """
    config = load_config(config_path, os.environ)
    stream = _stream(config.streams, stream_name)
    paths = {Kind.PREDICTION: predictions, Kind.LABEL: labels, Kind.FEATURES: features}
    if not any(paths.values()):
        raise UsageError("nothing to replay: give --predictions, --labels or --features")
    from_ms = _instant("--from", from_)
    until_ms = _instant("--until", until)
    with ExitStack() as stack:
        samples = None
        if samples_path:
            out = stack.enter_context(_open(samples_path))
            samples = Samples(lambda lines: _write(out, lines), final=final, from_ms=from_ms)
        engine = build_engine(config, without_future_check(stream), samples)
        messages = _run(engine, _source(stream, paths), until_ms)
        messages = [m for m in messages if from_ms is None or judged_ms(m) >= from_ms]
        if triggers_path:
            out = stack.enter_context(_open(triggers_path))
            _write(out, (m.value or b"" for m in messages))
    _summary(messages)


def _run(engine: StreamEngine, source: FileSource, until_ms: int | None) -> list[Message]:
    """Feed everything; then the end of the input makes all partitions idle."""
    messages: list[Message] = []
    while batches := source.poll(0, CHUNK):
        for batch in batches:
            engine.pipeline.feed(batch)
        for status in source.partitions():
            engine.pipeline.watermarks.setdefault((status.topic, status.partition), -(1 << 62))
        messages += engine.advance(frozenset(), 0)
    everything = frozenset(engine.pipeline.watermarks)
    messages += engine.advance(everything, 0)
    if until_ms is not None:
        messages += engine.advance(everything, 0, until_ms)
    engine.finish()
    return messages


def _source(stream: StreamSettings, paths: dict[Kind, tuple[Path, ...]]) -> FileSource:
    topics = {Kind.PREDICTION: stream.predictions, Kind.LABEL: stream.labels, Kind.FEATURES: stream.features}
    files = []
    for kind, names in paths.items():
        if names and not topics[kind]:
            raise UsageError(f"stream {stream.name} has no topic of {kind} events")
        files += [(kind, topics[kind][0], number, path) for number, path in enumerate(names)]
    return FileSource(files)


def _stream(streams: tuple[StreamSettings, ...], name: str | None) -> StreamSettings:
    if name is None and len(streams) == 1:
        return streams[0]
    found = [s for s in streams if s.name == name]
    if not found:
        names = ", ".join(s.name for s in streams)
        raise UsageError(f"--stream must be one of: {names}")
    return found[0]


def _instant(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def _open(path: Path) -> BinaryIO:
    if str(path) == "-":
        return os.fdopen(os.dup(1), "wb")
    return gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb")  # type: ignore[return-value]


def _write(out: BinaryIO, lines: Iterable[bytes]) -> None:
    for line in lines:
        out.write(line)
        if not line.endswith(b"\n"):
            out.write(b"\n")


def judged_ms(message: Message) -> int:
    """The instant at which an event was judged."""
    return parse_instant(dict(message.headers)["ce_time"].decode())


def _summary(messages: list[Message]) -> None:
    table = Table(title=f"{len(messages)} events would have been published")
    for name in ("time", "type", "subject"):
        table.add_column(name)
    for message in messages[:200]:
        headers = {k: v.decode() for k, v in message.headers}
        table.add_row(headers["ce_time"], headers["ce_type"], headers["ce_subject"])
    Console(stderr=True).print(table)

"""``driftline produce``: JSON lines into a topic, keyed by prediction_id."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec
from confluent_kafka import KafkaError, KafkaException, Producer

from driftline.cli.option_values import brokers
from driftline.cli.option_values import topic as named_topic
from driftline.errors import DataError, SourceRefused, UsageError
from driftline.sources.asking import Cluster

PROGRESS = 100_000
FLUSH_S = 30.0


class _Keyed(msgspec.Struct):
    prediction_id: str | int | None = None


@dataclass(slots=True)
class _Outcome:
    delivered: int = 0
    error: KafkaError | None = None

    def note(self, error: KafkaError | None, _message: object) -> None:
        if error is None:
            self.delivered += 1
        else:
            self.error = self.error or error


@click.command(short_help="Write JSON lines into a topic.")
@click.option(
    "--bootstrap-servers", required=True, type=brokers, metavar="B", help="host:port, several with commas."
)
@click.option("--topic", required=True, type=named_topic, metavar="T")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def produce(bootstrap_servers: str, topic: str, files: tuple[Path, ...]) -> None:
    """Write each line of FILES (JSON lines, .gz too) as one message, keyed by its prediction_id."""
    made = _is_new(bootstrap_servers, topic)
    producer = _producer(bootstrap_servers)
    outcome = _Outcome()
    decoder = msgspec.json.Decoder(_Keyed)
    for path in files:
        for number, line in enumerate(_lines(path), 1):
            _send(producer, topic, line, _key(decoder, path, number, line), outcome)
            if number % PROGRESS == 0:
                click.echo(f"{path}: {number} lines", err=True)
    _finish(producer, outcome)
    new = " (a new topic: the broker made it, with its own defaults)" if made else ""
    plural = "" if outcome.delivered == 1 else "s"
    click.echo(f"{outcome.delivered} message{plural} in {topic}{new}", err=True)


def _is_new(bootstrap_servers: str, topic: str) -> bool:
    """Whether the topic is not there yet. Asked first, so that a broker out of reach is told of as such, and soon."""
    cluster = Cluster(bootstrap_servers, "driftline-produce", None)
    try:
        return topic not in cluster.topics()
    finally:
        cluster.close()


def _producer(bootstrap_servers: str) -> Producer:
    settings: dict[str, Any] = {
        "bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 50,
        "compression.type": "lz4", "batch.size": 1 << 20, "message.timeout.ms": 30_000, "log_level": 0,
    }  # fmt: skip
    try:
        return Producer(settings)
    except (KafkaException, ValueError) as error:
        raise UsageError(f"--bootstrap-servers: {error}") from error


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from (line.rstrip(b"\r\n") for line in file)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: {error}") from error


def _key(decoder: msgspec.json.Decoder[_Keyed], path: Path, number: int, line: bytes) -> bytes | None:
    try:
        ident = decoder.decode(line).prediction_id
        return None if ident is None else str(ident).encode()
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: line {number}: {error}") from error


def _send(producer: Producer, topic: str, line: bytes, key: bytes | None, outcome: _Outcome) -> None:
    while True:
        _raise_refused(outcome)
        try:
            producer.produce(topic, line, key, on_delivery=outcome.note)
        except BufferError:
            producer.poll(0.1)
        except KafkaException as error:
            raise SourceRefused(f"Kafka refuses: {error.args[0].str()}") from error
        else:
            producer.poll(0)
            return


def _finish(producer: Producer, outcome: _Outcome) -> None:
    while left := producer.flush(FLUSH_S):
        _raise_refused(outcome)
        click.echo(f"{left} messages are still under way", err=True)
    _raise_refused(outcome)


def _raise_refused(outcome: _Outcome) -> None:
    if outcome.error is not None:
        raise SourceRefused(f"Kafka refuses: {outcome.error.str()}")

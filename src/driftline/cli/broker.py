"""``driftline broker``: the embedded broker alone."""

from __future__ import annotations

import signal
import threading

import click

from driftline.sources.embedded import EmbeddedBroker


class _Topic(click.ParamType[tuple[str, int]]):
    name = "name:partitions"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        name, _, count = value.rpartition(":")
        if not name or not count.isdigit() or not 0 < int(count) <= 10_000:
            self.fail(f'"{value}" is no topic; write a name and its partitions, "predictions:4"', param, ctx)
        return name, int(count)


@click.command(short_help="Run the embedded broker alone.")
@click.option("--topic", "topics", multiple=True, type=_Topic(), help="A topic to make; may be repeated.")
def broker(topics: tuple[tuple[str, int], ...]) -> None:
    """Run a broker in memory until SIGTERM or Ctrl-C; its bootstrap servers are the first line on stdout.

    It keeps the newest 5 MiB of a partition, and nothing when it ends.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    with EmbeddedBroker(dict(topics)) as embedded:
        click.echo(embedded.bootstrap_servers)
        while not stop.wait(3600):
            pass

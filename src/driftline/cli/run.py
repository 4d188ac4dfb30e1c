"""``driftline run``: the daemon."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import click

from driftline.app import Daemon, Runner
from driftline.cli.loading import load_for_kafka
from driftline.config.doubts import doubts
from driftline.config.model import Config
from driftline.errors import DriftlineError, StateLocked
from driftline.gc_policy import collect_seldom
from driftline.logs import configure
from driftline.records import Kind
from driftline.settings import StreamSettings
from driftline.sinks.publisher import KafkaPublisher
from driftline.sources.kafka import KafkaSource
from driftline.store.lock import holder
from driftline.store.sqlite import SqliteStore
from driftline.web.server import Server
from driftline.wiring import build_live_engine


@click.command(short_help="Run the daemon.")
@click.option(
    "--config", "config_path", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--wait", is_flag=True, help="Stand by until the process that holds the state file is gone.")
def run(config_path: Path, wait: bool) -> None:
    """Read the streams' topics, keep the statistics, publish triggers, until SIGTERM or Ctrl-C."""
    log = configure()
    collect_seldom()
    config = load_for_kafka(config_path, os.environ)
    for doubt in doubts(config):
        log.warning("surely not meant", place=doubt.path, message=doubt.message)
    store = _open(Path(config.state_path), wait, log)
    if store is None:
        log.info("driftline has stopped while it waited")
        return
    if wait:
        config = _as_it_is_now(config, config_path, log)
    runners = [
        Runner(
            s.name,
            _source(config, s),
            build_live_engine(config, s),
            kinds={t: str(k) for t, k in _topics(s).items()},
        )
        for s in config.streams
    ]
    publisher = KafkaPublisher(config.kafka.bootstrap_servers, dict(config.kafka.properties))
    daemon = Daemon(
        config,
        runners,
        store,
        publisher,
        log,
        load=lambda: load_for_kafka(config_path, os.environ),
        build=build_live_engine,
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, daemon.on_signal)
    server = Server(lambda: daemon.view, config.http.host, config.http.port, daemon.reloading.ask_and_wait)
    server.start()
    log.info("driftline is up", config=str(config_path), http=f"http://{config.http.host}:{server.port}/")
    try:
        daemon.run()
    finally:
        server.stop()
    log.info("driftline has stopped")


def _as_it_is_now(config: Config, path: Path, log: Any) -> Config:
    """The configuration that the daemon before used last, which may have changed since this one began to wait."""
    problem = "state.path is another one"
    try:
        new = load_for_kafka(path, os.environ)
        if new.state_path == config.state_path:
            return new
    except DriftlineError as error:
        problem = str(error)
    log.error("configuration not read anew, going on with that of the start", problem=problem)
    return config


def _open(path: Path, wait: bool, log: Any) -> SqliteStore | None:
    """The state file; with ``wait``, when its holder is gone, or None when a signal ends the waiting."""
    signals: list[int] = []
    told: list[str] = []

    def pause(seconds: float) -> bool:
        if not told:
            told.append(holder(path))
            log.info("standing by for the state file", state=str(path), held_by=told[0])
        time.sleep(0 if signals else seconds)
        return bool(signals)

    if not wait:
        return SqliteStore.open(path)
    before = {
        n: signal.signal(n, lambda n, _frame: signals.append(n)) for n in (signal.SIGTERM, signal.SIGINT)
    }
    before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is read anew before it is used
    try:
        store = SqliteStore.open(path, wait=True, pause=pause)
    except StateLocked:
        if not signals:
            raise
        return None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if signals:
        store.close()
        return None
    if told:
        log.info("the state file is free, taking over", state=str(path), was_held_by=told[0])
    return store


def _topics(stream: StreamSettings) -> dict[str, Kind]:
    topics = dict.fromkeys(stream.predictions, Kind.PREDICTION)
    return topics | dict.fromkeys(stream.labels, Kind.LABEL) | dict.fromkeys(stream.features, Kind.FEATURES)


def _source(config: Config, stream: StreamSettings) -> KafkaSource:
    return KafkaSource(
        bootstrap_servers=config.kafka.bootstrap_servers, properties=dict(config.kafka.properties),
        start=config.kafka.start, topics=_topics(stream), group_id=f"driftline-{stream.name}",
    )  # fmt: skip

"""Reading the configuration again in a running daemon: all of it or nothing, between two commits."""

from __future__ import annotations

import json
import signal

import pytest

from driftline.app import Daemon, Runner
from driftline.config.parse import load_config
from driftline.logs import configure
from driftline.records import Kind
from driftline.store.sqlite import SqliteStore
from driftline.testing.publisher import FakePublisher
from driftline.testing.source import FakeSource
from driftline.wiring import build_engine

MINUTE = 60_000
START = 28_333_340 * MINUTE  # a multiple of ten minutes
HEAD = """
kafka: {{bootstrap_servers: "{servers}"}}
state: {{path: state.db}}
streams: {{main: {{predictions: [p], time: {{out_of_orderness: 0s, max_future: none}}}}}}
models:
  - match: m
    stream: main
    task: binary
    positive: "1"
    classes: ["0", "1"]
    labels: none
    gates: {{drift: 1}}
    windows: {{drift: {windows}}}
rules: {rules}
"""
ONES = "{name: ones, when: {metric: class_ratio, class: '1', window: 10m, above: 0.9}}"
MORE = "{name: ones, when: {metric: class_ratio, class: '1', window: 10m, above: 0.8}}"


class World:
    """A daemon over a source in memory, with a configuration that can be written again."""

    def __init__(self, folder) -> None:
        self.path = folder / "driftline.yaml"
        self.write()
        config = load_config(self.path, {})
        self.source = FakeSource({"p": Kind.PREDICTION})
        self.publisher = FakePublisher()
        runner = Runner("main", self.source, build_engine(config, config.streams[0]), {"p": "prediction"})
        store, log = SqliteStore.open(folder / "state.db"), configure((folder / "log").open("w"))
        self.daemon = Daemon(
            config,
            [runner],
            store,
            self.publisher,
            log,
            load=lambda: load_config(self.path, {}),
            build=build_engine,
        )
        self.daemon.restore()
        self.number = 0

    def write(self, rules: str = f"[{ONES}]", windows: str = "[10m]", servers: str = "127.0.0.1:1") -> None:
        """The configuration, from now on."""
        self.path.write_text(HEAD.format(rules=rules, windows=windows, servers=servers))

    def minutes(self, first: int, last: int) -> None:
        """A prediction of class 1 in each minute; all judged and committed."""
        for minute in range(first, last):
            self.number += 1
            event = {"prediction_id": str(self.number), "model": "m", "version": "1", "prediction": "1"}
            self.source.append("p", 0, json.dumps({**event, "time": START + minute * MINUTE}).encode())
        self.daemon.tick(0)
        self.daemon.commit()

    def reload(self) -> None:
        """As SIGHUP asks for."""
        self.daemon.on_signal(signal.SIGHUP, None)
        self.daemon.tick(0)

    def told(self) -> list[tuple[str, str]]:
        """Type and reason of each event published."""
        values = [json.loads(m.value) for m in self.publisher.sent]
        return [(v["type"].removeprefix("io.driftline."), v["data"]["reason"]) for v in values]

    def kinds(self) -> list[str]:
        """Types of the events published."""
        return [kind for kind, _ in self.told()]


@pytest.fixture
def world(tmp_path):
    """A daemon whose rule fires."""
    made = World(tmp_path)
    made.minutes(0, 12)
    assert ["alert.fired.v1"] == made.kinds()
    return made


def test_a_bad_configuration_changes_nothing_and_is_told(world):
    """Fault 66: the metric is 0, the problems are the answer, and the daemon goes on as before."""
    world.path.write_text("models: 3\nnonsense: 1\n")
    world.reload()
    assert not world.daemon.view.config_ok
    world.minutes(12, 22)
    assert ["alert.fired.v1"] == world.kinds()
    world.write()
    world.reload()
    assert world.daemon.view.config_ok


def test_a_reference_that_cannot_be_read_changes_nothing(world):
    """Fault 66: found only when the engines are made, and still all of it or nothing."""
    (world.path.parent / "broken-1.json").write_text("{")
    text = world.path.read_text().replace(
        "labels: none", 'references: "broken-{version}.json"\n    labels: none'
    )
    world.path.write_text(text)
    engine = world.daemon.runners[0].engine
    world.reload()
    assert not world.daemon.view.config_ok
    assert engine is world.daemon.runners[0].engine
    world.minutes(12, 22)
    assert ["alert.fired.v1"] == world.kinds()


def test_what_only_a_restart_can_change_is_refused(world):
    """Another broker is no reload: nothing of the new configuration is taken."""
    world.write(rules="[]", servers="127.0.0.1:2")
    world.reload()
    assert not world.daemon.view.config_ok
    assert ["ones"] == [rule.name for rule in world.daemon.config.rules]


def test_a_removed_rule_that_fires_sends_its_resolved_event(world):
    """Fault 67: at the first instant after W."""
    world.write(rules="[]")
    before = world.daemon.view.streams[0]
    world.reload()
    assert ["alert.fired.v1"] == world.kinds()
    after = world.daemon.view.streams[0]
    for one, other in ((before.rules[0], after.rules[0]), (before.rule_infos[0], after.rule_infos[0])):
        assert one.severity == other.severity != ""
    assert [i.action for i in before.rule_infos] == [i.action for i in after.rule_infos]
    world.minutes(12, 22)
    assert ["alert.fired.v1", "alert.resolved.v1"] == world.kinds()
    world.daemon.refresh_view(force=True)
    assert () == tuple(world.daemon.view.streams[0].rules)


def test_a_removed_rule_goes_on_until_w_passes_its_instant_by_whichever_model(world):
    """§9: from the first instant > W. A stream that has fallen silent has none; any event of it moves W."""
    world.write(rules="[]")
    world.reload()
    states = []
    for minute in (None, 11, 15):
        if minute is not None:
            event = {"prediction_id": str(minute), "model": "another", "version": "1", "prediction": "1"}
            world.source.append("p", 0, json.dumps({**event, "time": START + minute * MINUTE}).encode())
        world.daemon.tick(0)
        world.daemon.commit()
        world.daemon.refresh_view(force=True)
        states.append([rule.state for rule in world.daemon.view.streams[0].rules])
    assert [["firing"], ["firing"], []] == states
    assert ["alert.fired.v1", "alert.resolved.v1"] == world.kinds()
    assert "2023-11-14T22:32:00Z" == json.loads(world.publisher.sent[1].value)["time"]


def test_a_removed_rule_on_silence_ends_as_soon_as_the_stream_is_read(world):
    """It has no instants of event time; and a stream that cannot be read waits."""
    world.write(rules="[{name: silent, when: {no_events_for: 1h}}]")
    world.reload()
    clock = [world.daemon.wall()]
    world.daemon.wall = lambda: clock[0]
    states = []
    for hours, up in ((0, True), (2, True), (2, False), (2, True)):
        clock[0] += 3600 * hours
        world.source.set_up(up=up)
        if len(states) == 2:
            world.write(rules="[]")
            world.reload()
        world.daemon.tick(0)
        views = world.daemon.runners[0].engine.rules.views()
        states.append([rule.state for rule in views if rule.rule == "silent"])
    assert [["inactive"], ["firing"], ["firing"], []] == states


def test_a_reload_does_not_make_a_silent_model_heard(world):
    """Who reloads every hour is told of a silence of two: nothing was missed in between."""
    rule = "[{name: silent, when: {no_events_for: 2h}}]"
    world.write(rules=rule)
    world.reload()
    clock = [world.daemon.wall()]
    world.daemon.wall = lambda: clock[0]
    states = []
    for _ in range(4):
        world.daemon.tick(0)
        views = world.daemon.runners[0].engine.rules.views()
        states.append([r.state for r in views if r.rule == "silent" and r.state == "firing"])
        world.write(rules=rule, windows=f"[10m, {len(states) + 1}h]")
        world.reload()
        clock[0] += 3600
    assert [[], [], ["firing"], ["firing"]] == states


def test_a_changed_condition_ends_the_old_episode_and_begins_anew(world):
    """Fault 67: another revision; the reason says so."""
    before = json.loads(world.publisher.sent[0].value)["data"]["episode"]["revision"]
    world.write(rules=f"[{MORE}]")
    world.reload()
    world.minutes(12, 22)
    assert ["alert.fired.v1", "alert.resolved.v1", "alert.fired.v1"] == world.kinds()
    assert "changed" in world.told()[1][1]
    assert before != json.loads(world.publisher.sent[2].value)["data"]["episode"]["revision"]


def test_nothing_changes_without_a_change(world):
    """The same file again: no event, and the same counts."""
    world.reload()
    world.minutes(12, 22)
    assert ["alert.fired.v1"] == world.kinds()
    assert 22 == world.daemon.runners[0].engine.pipeline.registry.slots[0].predictions


def test_a_new_window_begins_at_the_reload_and_is_insufficient_until_it_is_whole(world):
    """Fault 68: what came before was not counted for it; the old window goes on."""
    rule = "{name: hour, when: {metric: class_ratio, class: '1', window: 20m, above: 0.9}}"
    world.write(rules=f"[{ONES}, {rule}]", windows="[10m, 20m]")
    world.reload()
    world.minutes(12, 32)
    assert ["alert.fired.v1"] == world.kinds()
    world.minutes(32, 42)
    assert ["alert.fired.v1", "alert.fired.v1"] == world.kinds()
    # The last event before the reload was of 22:31, so the first whole window begins a minute later.
    assert "2023-11-14T22:32:00Z" == json.loads(world.publisher.sent[1].value)["data"]["window"]["start"]


def test_a_reload_is_noted_with_what_follows_from_it(world):
    """§4.8: a control record in the state file."""
    world.write(rules="[]")
    world.reload()
    world.minutes(12, 13)
    assert "reload" in [row.kind for row in world.daemon.store.load().controls]

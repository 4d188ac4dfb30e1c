"""``driftline replay --episodes``: what each rule did, and when."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from driftline.cli import invoke
from driftline.pipeline.episodes import excess
from driftline.rules.parse import parse_rules
from tests.unit.replay_world import CONFIG, at, events, write

HOURS = 12


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """Twelve hours of events."""
    folder = tmp_path_factory.mktemp("episodes")
    for name, rows in zip(("p.jsonl", "l.jsonl"), events(HOURS), strict=True):
        write(folder / name, rows)
    return folder


def replayed(inputs: Path, out: Path, config: str, *more: str) -> bytes:
    (inputs / "c.yaml").write_text(config, encoding="utf-8")
    command = [
        "replay",
        "--config",
        "c.yaml",
        "--stream",
        "main",
        "--predictions",
        "p.jsonl",
        "--labels",
        "l.jsonl",
    ]
    command = [str(inputs / x) if x.endswith(("yaml", "jsonl")) else x for x in command]
    assert 0 == invoke([*command, "--episodes", str(out), *more])
    return out.read_bytes()


def episodes(inputs: Path, tmp_path: Path, config: str, *more: str) -> list[dict]:
    return [json.loads(x) for x in replayed(inputs, tmp_path / "e", config, "--json", *more).splitlines()]


def brief(found: list[dict]) -> list[tuple]:
    return [(e["rule"], e["state"], e["pending"], e["fired"], e["ended"]) for e in found]


TABLE = """\
rule   model  instance  pending since         fired                 ended                 state     worst                event, reason
low    m/1    –         2026-03-02T02:50:00Z  2026-03-02T04:50:00Z  2026-03-02T07:10:00Z  resolved  0.3833 (limit 0.8)   retraining requested <id>: accuracy of m/1 over 1h is 0.433, below 0.8 since 2026-03-02T02:50:00Z
never  m/1    –         2026-03-02T02:50:00Z  –                     2026-03-02T07:10:00Z  cleared   0.3833 (limit 0.8)   –
lower  m/1    –         2026-03-02T03:10:00Z  2026-03-02T05:10:00Z  2026-03-02T07:10:00Z  resolved  0.3833 (limit 0.75)  joined request <id>
low    m/1    –         2026-03-02T08:50:00Z  2026-03-02T10:50:00Z  2026-03-02T11:10:00Z  resolved  0.4333 (limit 0.8)   retraining requested <id>: accuracy of m/1 over 1h is 0.783, below 0.8 since 2026-03-02T08:50:00Z
lower  m/1    –         2026-03-02T08:50:00Z  –                     2026-03-02T10:50:00Z  cleared   0.4333 (limit 0.75)  –
never  m/1    –         2026-03-02T08:50:00Z  –                     2026-03-02T11:10:00Z  cleared   0.4333 (limit 0.8)   –
6 episodes: 3 fired, 3 cleared before they fired
"""


def test_the_table_says_when_each_rule_was_pending_and_fired_how_bad_it_was_and_why(inputs, tmp_path):
    """Episodes that never fired too. Ids are left out: they change with the rules' revision."""
    found = replayed(inputs, tmp_path / "e", CONFIG).decode()
    assert TABLE == re.sub(r"\b[0-9a-f]{12}\b", "<id>", found)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_is_shown_the_table_without_asking(inputs, tmp_path, capsys, monkeypatch, terminal):
    """On stderr, below the events; a program is not."""
    expected = replayed(inputs, tmp_path / "e", CONFIG).decode()
    capsys.readouterr()
    monkeypatch.setattr("driftline.cli.replay.on_terminal", lambda: terminal)
    command = [
        "replay",
        "--config",
        "c.yaml",
        "--stream",
        "main",
        "--predictions",
        "p.jsonl",
        "--labels",
        "l.jsonl",
    ]
    assert 0 == invoke([str(inputs / x) if x.endswith(("yaml", "jsonl")) else x for x in command])
    assert terminal == capsys.readouterr().err.endswith(expected)


def test_what_waits_for_a_cooldown_joins_the_request_at_its_end(inputs, tmp_path):
    """Two rules fire again while the cooldown of the first holds: one asks when it is over, for both."""
    config = CONFIG.replace(", for: 2h, then: retrain", ", then: retrain, cooldown: 2h")
    found = [e for e in episodes(inputs, tmp_path, config) if e["rule"] in ("low", "lower")]
    asked = [t for e in found for t in e["triggers"] if t["type"].endswith("requested.v1")]
    ended = [t for e in found for t in e["triggers"] if t["type"].endswith("resolved.v1")]
    assert 2 == len(asked)
    waited = [e for e in found if e["fired"] and e["fired"] > ended[0]["time"]]
    assert ["low", "lower"] == [e["rule"] for e in waited]
    assert all(e["fired"] < asked[1]["time"] for e in waited)
    assert [None, asked[1]["id"]] == [e["joined"] for e in waited]
    assert [None, asked[0]["id"]] == [
        e["joined"] for e in found if e["fired"] and e["fired"] < ended[0]["time"]
    ]


def test_an_episode_as_json_has_its_events_and_its_worst_value(inputs, tmp_path):
    """And where it joined another's request, whose."""
    found = episodes(inputs, tmp_path, CONFIG)
    first, joined = found[0], found[2]
    assert ["io.driftline.retraining.requested.v1", "io.driftline.retraining.resolved.v1"] == [
        t["type"] for t in first["triggers"]
    ]
    assert (first["fired"], first["ended"]) == tuple(t["time"] for t in first["triggers"])
    assert ([], first["triggers"][0]["id"], None) == (joined["triggers"], joined["joined"], joined["reason"])
    assert pytest.approx(23 / 60) == first["worst"]
    assert first["pending"] < first["worst_at"] < first["ended"]
    assert ("warning", {}, 0.8) == (first["severity"], first["instance"], first["threshold"])


def test_what_still_goes_on_at_the_end_has_no_end(inputs, tmp_path):
    """Firing, and pending."""
    rules = """
rules:
  - {name: firing, when: {metric: accuracy, below: 1.1}, for: 1h}
  - {name: pending, when: {metric: accuracy, below: 1.1}, for: 30d}
"""
    config = CONFIG.split("rules:")[0] + rules
    found = brief(episodes(inputs, tmp_path, config))
    assert [("firing", "firing", None), ("pending", "pending", None)] == [
        (r, s, e) for r, s, _p, _f, e in found
    ]
    table = replayed(inputs, tmp_path / "t", config).decode().splitlines()
    assert "2 episodes: 1 fired, 0 cleared before they fired, 1 still firing, 1 still pending" == table[-1]


def test_a_cooldown_that_holds_is_told(inputs, tmp_path):
    """The second episode fires and may not ask."""
    config = CONFIG.replace("for: 2h, then: retrain}", "for: 1h, then: retrain, cooldown: 5h}")
    low = [e for e in episodes(inputs, tmp_path, config) if e["rule"] == "low"]
    assert [True, False] == [bool(e["triggers"]) for e in low]
    assert "no event: a cooldown held" in replayed(inputs, tmp_path / "t", config).decode()


def test_from_keeps_what_had_not_ended_before(inputs, tmp_path):
    """An episode that goes on at that instant is of interest, however early it began."""
    everything = episodes(inputs, tmp_path, CONFIG)
    assert [e for e in everything if e["ended"] >= at(7.5)] == episodes(
        inputs, tmp_path, CONFIG, "--from", at(7.5)
    )


def test_without_rules_there_are_no_episodes(inputs, tmp_path):
    """And no mistake."""
    assert [] == episodes(inputs, tmp_path, CONFIG.split("rules:")[0])


@pytest.mark.parametrize(
    ("when", "value", "threshold", "expected"),
    [
        ({"metric": "f1", "below": 0.9}, 0.8, 0.9, 0.1),
        ({"metric": "mae", "above": 2}, 3.5, 2, 1.5),
        ({"metric": "f1", "drop": "5 points", "versus": "reference"}, 0.8, 0.85, 0.05),
        ({"metric": "mae", "rise": "5 percent", "versus": "reference"}, 1.2, 1.05, 0.15),
        ({"metric": "class_ratio", "class": "a", "outside": [0.2, 0.4]}, 0.1, 0.2, 0.1),
        ({"metric": "class_ratio", "class": "a", "outside": [0.2, 0.4]}, 0.7, 0.4, 0.3),
        ({"any": [{"metric": "f1", "below": 0.9}, {"metric": "mae", "above": 2}]}, 0.8, 0.9, None),
        ({"all": [{"metric": "f1", "below": 0.9}, {"metric": "mae", "above": 2}]}, 0.8, 0.9, 0.1),
        ({"metric": "f1", "below": 0.9}, None, None, None),
        ({"no_events_for": "1h"}, 1.0, 1.0, None),
    ],
)
def test_worse_is_further_beyond_the_threshold_in_the_rules_direction(when, value, threshold, expected):
    """Unknown where a view may show either of two statistics."""
    (spec,), problems = parse_rules([{"name": "r", "when": when}], "rules")
    assert [] == problems
    assert (expected if expected is None else pytest.approx(expected)) == excess(spec, value, threshold)

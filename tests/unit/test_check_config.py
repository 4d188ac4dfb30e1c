"""``driftline check-config``: what a configuration means, rule by rule."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from driftline.cli import invoke
from driftline.config.doubts import doubts
from driftline.config.parse import load_config
from driftline.config.windows import concerned, effective_delay_ms
from driftline.settings import DAY_MS, HOUR_MS, MINUTE_MS, spoken_text

HEAD = """
streams:
  main: {predictions: [p], labels: [l]}
models:
  - match: elec2
    stream: main
    task: binary
    positive: UP
    windows: {drift: [24h], performance: [24h]}
    labels: {delay: 25h}
rules:
"""


def one_rule(tmp_path: Path, rule: str):
    """The model and the only rule of a configuration."""
    path = tmp_path / "c.yaml"
    path.write_text(f"{HEAD}  - {{name: r, {rule}}}\n", encoding="utf-8")
    config = load_config(path, {})
    return config.models[0], config.rules[0]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("when: {metric: f1, window: 24h, below: 0.9}, for: 48h", (48 + 25) * HOUR_MS),
        ("when: {metric: psi, feature: x, window: 24h, above: 0.2}, for: 40m", 60 * MINUTE_MS),
        ("when: {metric: accuracy, window: 1d, below: 0.9}, for: 3 windows", 2 * DAY_MS + 25 * HOUR_MS),
        ("when: {metric: f1, below: 0.9}", 25 * HOUR_MS),
        ("when: {no_events_for: 2h}", None),
    ],
)
def test_the_effective_delay_of_a_rule(tmp_path, rule, expected):
    """``for`` rounded up to the finest slide, plus the labels' delay for performance."""
    model, spec = one_rule(tmp_path, rule)
    assert expected == effective_delay_ms(spec, model, MINUTE_MS)


def test_a_rule_without_models_concerns_all(tmp_path):
    """Omitted: all."""
    model, spec = one_rule(tmp_path, "when: {metric: f1, below: 0.9}")
    assert concerned(spec, model)


def test_a_rules_mistake_names_its_line(tmp_path, capsys):
    """The same form as any other mistake; exit 2."""
    path = tmp_path / "c.yaml"
    path.write_text(
        HEAD + "  - name: r\n    when: {metric: f1, below: 0.9}\n    for: 10 min\n", encoding="utf-8"
    )
    assert invoke(["check-config", str(path)]) == 2
    assert 'rules[0].for: "10 min" is not a duration; write "10m"' in capsys.readouterr().err


def test_rules_come_from_files_too(tmp_path):
    """A glob in ``rule_files``; each file is a list under ``rules``."""
    (tmp_path / "rules").mkdir()
    rule = "rules:\n  - {name: a, when: {metric: f1, below: 0.9}}\n"
    (tmp_path / "rules" / "a.yaml").write_text(rule, encoding="utf-8")
    path = tmp_path / "c.yaml"
    path.write_text(HEAD.replace("rules:", "rule_files: [rules/*.yaml]"), encoding="utf-8")
    assert [r.name for r in load_config(path, {}).rules] == ["a"]


def test_the_example_is_explained(capsys):
    """Streams, models with slides, rules with their delay; exit 0."""
    example = Path(__file__).parents[2] / "config" / "example.yaml"
    assert invoke(["check-config", str(example)]) == 0
    out = capsys.readouterr().out
    assert "1d by 30m" in out
    assert "f1-below-92" in out
    assert "no mistakes" in out


def test_warnings_are_shown_and_change_no_exit_code(tmp_path, capsys):
    """What is valid and surely not meant, with its line."""
    path = tmp_path / "c.yaml"
    path.write_text(HEAD + "  - {name: r, when: {metric: f1, below: 92}}\n", encoding="utf-8")
    assert invoke(["check-config", str(path)]) == 0
    out = capsys.readouterr().out
    assert "warning: rules[0].when: f1 is in 0…1, so 92 is never reached; write 0.92 (line 12)" in out
    assert "no mistakes" in out


def test_default_rules_are_listed_as_such(tmp_path, capsys):
    """Who writes no rules sees which ones apply, and how to have none."""
    path = tmp_path / "c.yaml"
    path.write_text(HEAD.replace("rules:", ""), encoding="utf-8")
    assert invoke(["check-config", str(path)]) == 0
    out = capsys.readouterr().out
    assert "Default rules (rules: [] for none)" in out
    assert "default-f1-drop" in out


def test_a_hostile_name_is_shown_as_it_is(tmp_path, capsys):
    """Brackets are no markup of the terminal's."""
    path = tmp_path / "c.yaml"
    path.write_text(HEAD.replace("match: elec2", 'match: "[bold]x[/nope]"') + "  []\n", encoding="utf-8")
    assert invoke(["check-config", str(path)]) == 0
    assert "[bold]x[/nope]" in capsys.readouterr().out


def shown_delays(tmp_path: Path, capsys, text: str) -> dict[str, str]:
    """What the table of rules says of each rule's delay."""
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    assert invoke(["check-config", str(path)]) == 0
    lines = [re.split(r"\s{2,}", line.strip()) for line in capsys.readouterr().out.splitlines()]
    return {cells[0]: cells[3] for cells in lines if len(cells) == 5}


NEVER = """
  - {name: no-model, models: elec, when: {metric: f1, below: 0.9}}
  - {name: no-reference, when: {metric: psi, feature: x, above: 0.2}}
  - {name: another-task, when: {metric: mae, above: 2}}
  - {name: all, when: {all: [{metric: mae, above: 2}, {metric: f1, below: 0.9}]}}
  - {name: any, when: {any: [{metric: mae, above: 2}, {metric: f1, below: 0.9}]}}
  - {name: silent, when: {no_events_for: 2h}}
"""


def test_a_rule_that_is_never_judged_is_shown_as_such(tmp_path, capsys):
    """The wall clock is for rules on silence alone; why another is never judged, the warnings say."""
    assert shown_delays(tmp_path, capsys, HEAD + NEVER) == {
        "rule": "effective delay",
        "no-model": "never judged",
        "no-reference": "never judged",
        "another-task": "never judged",
        "all": "never judged",
        "any": "25h",
        "silent": "wall clock",
    }


def test_a_rule_whose_model_has_no_window_is_never_judged(tmp_path, capsys):
    """Neither its own nor the model's."""
    text = HEAD.replace("windows: {drift: [24h], performance: [24h]}", "windows: {drift: [24h]}")
    text += "  - {name: r, when: {metric: f1, below: 0.9}}\n"
    expected = "never judged"
    assert expected == shown_delays(tmp_path, capsys, text)["r"]


def test_delays_are_shown_as_people_say_them(tmp_path, capsys):
    """Not as minutes that nobody divides by 60."""
    rule = "  - {name: r, when: {metric: f1, below: 0.9}, for: 1410m}\n"
    text = HEAD.replace("delay: 25h", "delay: 1h") + rule
    assert shown_delays(tmp_path, capsys, text)["r"] == "24h 30m"


@pytest.mark.parametrize(
    ("duration_ms", "expected"),
    [
        (0, "0s"), (1, "1ms"), (90_000, "1m 30s"), (48 * HOUR_MS, "48h"), (72 * HOUR_MS, "72h"),
        (73 * HOUR_MS, "3d 1h"), (1470 * MINUTE_MS, "24h 30m"), (28 * DAY_MS, "28d"), (DAY_MS + 1, "24h 1ms"),
    ],
)  # fmt: skip
def test_a_duration_is_spoken_in_hours_up_to_three_days(duration_ms, expected):
    """As rules write them: 48h and 72h; then in days."""
    assert expected == spoken_text(duration_ms)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_folder_that_cannot_be_written_to_is_doubted(tmp_path):
    """By this user: the daemon may be another one."""
    (tmp_path / "var").mkdir(mode=0o500)
    path = tmp_path / "c.yaml"
    path.write_text(HEAD + "  []\nstate: {path: var/driftline.db}\n", encoding="utf-8")
    said = [d.message for d in doubts(load_config(path, {})) if d.path == "state.path"]
    folder = tmp_path / "var"
    expected = f"the folder {folder} cannot be used: {folder} cannot be written to by this user (line 13)"
    assert [expected] == said

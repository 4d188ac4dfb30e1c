"""``driftline test-rules``: what is shown, exit codes, and every mistake of a file at once."""

from __future__ import annotations

import pytest

from driftline.cli import invoke

RULE = "{name: f1-low, when: {metric: f1, window: 24h, below: 0.92}, for: 48h, then: retrain}"
FAILING = f"""
every: 1h
rules: [{RULE}]
tests:
  - name: passes
    samples: [{{metric: f1, values: "0.95"}}]
    expect: []
  - name: an hour too early, and too little
    samples: [{{metric: f1, values: "0.95x10 0.91x60 0.93"}}]
    expect:
      - {{at: 10h, started: f1-low}}
      - {{at: 57h, fired: f1-low, then: notify}}
"""  # fmt: skip
SHOWN = """\
{path}
  ok    passes
  FAIL  an hour too early, and too little
        {path}:8
           at   expected               happened
           10h  started f1-low         started f1-low [f1 0.91, limit 0.92]
        ✗  57h  fired f1-low (notify)  –
        ✗  58h  –                      fired f1-low (retrain) [f1 0.91, limit 0.92]
        ✗  70h  –                      resolved f1-low [f1 0.93, limit 0.92]
1 failed, 1 passed
"""


def _file(folder, text, name="t.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_failing_test_shows_both_timelines_and_exits_1(tmp_path, capsys):
    """What was expected, what happened, when, and the value that decided."""
    path = _file(tmp_path, FAILING)
    assert 1 == invoke(["test-rules", path])
    assert SHOWN.format(path=path) == capsys.readouterr().out


def test_tests_that_pass_exit_0(tmp_path, capsys):
    """A line a test, a summary over all files."""
    text = (
        f"every: 1h\nrules: [{RULE}]\ntests: [{{name: a, samples: [{{metric: f1, values: 1}}], expect: []}}]"
    )
    files = [_file(tmp_path, text, name) for name in ("one.yaml", "two.yaml")]
    assert 0 == invoke(["test-rules", *files])
    assert f"{files[0]}\n  ok    a\n{files[1]}\n  ok    a\n2 passed\n" == capsys.readouterr().out


def test_a_firing_that_does_something_else_fails(tmp_path):
    """``then`` is compared where it is said, and only there."""
    head = f"every: 1h\nrules: [{RULE.replace('for: 48h, ', '')}]\n"
    line = "tests: [{name: a, samples: [{metric: f1, values: 0}], expect: [{at: 0h, fired: f1-low%s}]}]"
    codes = [
        invoke(["test-rules", _file(tmp_path, head + line % then)])
        for then in (", then: notify", ", then: retrain", "")
    ]
    assert [1, 0, 0] == codes


MISTAKEN = """\
evry: 1h
tests:
  - nme: a
    rules:
      - {name: r, when: {metric: acuracy, below: 0.92}, for: 10 min}
    samples:
      - {metric: acuracy, values: "0.95y10"}
      - {metric: f1, values: "0.9x10", n: "1x9", feature: q}
      - 3
    expect:
      - {fired: r}
      - {at: 10 min, fired: r, cleared: r}
  - {name: b, every: 5h, samples: 3, expect: 3, task: binry, rules: nowhere.yaml}
  - name: c
    every: 5h
    only: [started]
    rules: [{name: q, when: {metric: f1, window: 24h, below: 1}}]
    samples: [{metric: f1, version: 1, values: 1}, {metric: f1, version: 2, values: 1}, {metric: f1, values: 1, reference: x}]
    expect: [{at: 5h, fired: qq, version: 3}, {at: 5h, resolved: q, then: notify}]
"""
MESSAGES = """\
driftline: {path} has 25 mistakes
  evry: unknown key "evry"; did you mean "every"? (line 1)
  tests[0].nme: unknown key "nme"; did you mean "name"? (line 3)
  tests[0].name: found nothing; every test needs a name (line 3)
  tests[0].rules[0].when.metric: "acuracy" is not a statistic; did you mean "accuracy"? (line 5)
  tests[0].rules[0].for: "10 min" is not a duration; write "10m" (line 5)
  tests[0].every: is missing; write the time between two samples, as "1h" (line 3)
  tests[0].samples[0].metric: "acuracy" is not a statistic; did you mean "accuracy"? (line 7)
  tests[0].samples[0].values: "0.95y10" is no sample; write a number, _ or ., xN to repeat it, as "0.91x48", or a step between, as "0.95-0.01x5" (line 7)
  tests[0].samples[1].feature: f1 is of the model, not of a feature; leave feature out (line 8)
  tests[0].samples[1].n: has 9 numbers for 10 samples; write as many, or one (line 8)
  tests[0].samples[2]: found 3; write a series, as {{metric: f1, values: 0.9x48}} (line 9)
  tests[0].expect[0].at: is missing; write the time since the first sample, as "48h" (line 11)
  tests[0].expect[1]: exactly one of started, fired, cleared, resolved, gap is needed; found fired, cleared (line 12)
  tests[0].expect[1].at: "10 min" is not a duration; write "10m" (line 12)
  tests[1].rules: in nowhere.yaml: {folder}/nowhere.yaml cannot be read: No such file or directory (line 13)
  tests[1].task: found "binry"; did you mean "binary"? (line 13)
  tests[1].samples: found 3; write a list of series (line 13)
  tests[1].expect: found 3; write the transitions, or [] where none should happen (line 13)
  tests[2].samples[2].reference: found "x"; write a number, or {{value: 0.9, n: 2000}} (line 18)
  tests[2].every: 5h does not divide the window 1d of rule q; write one that does (line 15)
  tests[2].expect[0].fired: no rule is named "qq"; did you mean "q"? (line 19)
  tests[2].expect[0].version: no series is of version 3 (line 19)
  tests[2].expect[1].then: is of what fired: retrain or notify (line 19)
  tests[2].expect[1]: there are several versions; write version: 1 or 2 (line 19)
  tests[2].only: leaves out fired, resolved, which expect names (line 16)
driftline: {folder}/none.yaml has 1 mistake
  {folder}/none.yaml cannot be read: No such file or directory
"""


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path, capsys):
    """Each with its place and line, what was found and what would be right; exit 2, and nothing is run."""
    path = _file(tmp_path, MISTAKEN)
    fine = _file(tmp_path, FAILING, "fine.yaml")
    assert 2 == invoke(["test-rules", path, str(tmp_path / "none.yaml"), fine])
    captured = capsys.readouterr()
    assert ("", MESSAGES.format(path=path, folder=tmp_path)) == (captured.out, captured.err)


CONFIG = """
streams: {main: {predictions: [p], labels: [l]}}
models:
  - match: elec2
    stream: main
    task: regression
    windows: {drift: [24h], performance: [24h]}
    gates: {regression: 50}
rules:
  - {name: mae-high, when: {metric: mae, above: 2}, for: 3 windows}
"""  # fmt: skip
OF_CONFIG = """
every: 12h
tests:
  - name: three windows of the model's first length, and its gate
    model: elec2
    samples: [{metric: mae, values: "3x9", n: "49x2 50x7"}]
    expect: [{at: 24h, started: mae-high}, {at: 72h, fired: mae-high}]
"""


@pytest.mark.parametrize("how", ["option", "config", "rules"])
def test_rules_come_from_a_configuration(how, tmp_path):
    """With its task, gates and first windows; from a path under ``rules``, the rules alone."""
    config = _file(tmp_path, CONFIG, "c.yaml")
    text = OF_CONFIG
    if how == "config":
        text = f"config: c.yaml\n{text}"
    if how == "rules":
        text = f"rules: c.yaml\n{text}".replace('n: "49x2 50x7"', "reference: 1").replace(
            "every: 12h", "every: 24h"
        )
        text = text.replace("{at: 24h, started", "{at: 0h, started").replace("at: 72h", "at: 48h")
    option = ["--config", config] if how == "option" else []
    assert 0 == invoke(["test-rules", *option, _file(tmp_path, text)])


def test_a_file_without_rules_says_how_to_name_them(tmp_path, capsys):
    """Neither in place, nor a path, nor --config."""
    assert 2 == invoke(["test-rules", _file(tmp_path, OF_CONFIG)])
    message = "tests[0].rules: there are no rules; write them here, a path to them, or give --config (line 4)"
    assert message in capsys.readouterr().err


def test_a_window_of_the_model_that_the_samples_do_not_meet_is_a_mistake(tmp_path, capsys):
    """A rule without a window reads the model's first."""
    config = _file(tmp_path, CONFIG, "c.yaml")
    path = _file(tmp_path, OF_CONFIG.replace("every: 12h", "every: 5h"))
    assert 2 == invoke(["test-rules", "--config", config, path])
    message = "tests[0].every: 5h does not divide the window 1d of rule mae-high; write one that does"
    assert message in capsys.readouterr().err

"""Rules are shown for every version that they concern, judged or not."""

from dataclasses import dataclass
from types import SimpleNamespace

from driftline.metrics.view import RuleInfo, RuleView
from driftline.pipeline.rule_info import rule_infos
from driftline.rules.resolve import Resolved
from driftline.rules.spec import Combination, Comparison, RuleSpec, Silence
from driftline.settings import HOUR_MS, Window, WindowKind

F1 = Comparison(metric="f1", op="below", threshold=(0.9,), window_ms=24 * HOUR_MS)
PSI = Comparison(metric="psi", op="above", threshold=(0.2,), window_ms=HOUR_MS, feature="x")
SLOT = SimpleNamespace(model=SimpleNamespace(name="m"), version="2")


@dataclass
class Rules:
    """Rules of a slot."""

    resolved: list[Resolved]

    def of(self, _slot):
        return self.resolved


def info(when, finest, **more):
    spec = RuleSpec(name="r", when=when, **more)
    return rule_infos(Rules([Resolved(spec, finest, WindowKind.DRIFT, 0)]), [SLOT], ())


def test_what_a_rule_reads_and_does():
    """Statistic, finest window, action and severity."""
    expected = RuleInfo(
        rule="r", model="m", version="2", severity="critical", action="retrain", statistic="f1", window="1d"
    )
    day = Window(24 * HOUR_MS, HOUR_MS)
    assert [expected] == info(F1, day, severity="critical", then="retrain")


def test_several_statistics_are_named_once_each():
    """In the order of the condition."""
    both = Combination(how="all", conditions=(F1, PSI, F1))
    (found,) = info(both, Window(HOUR_MS, HOUR_MS))
    assert ("f1+psi", "1h", "notify") == (found.statistic, found.window, found.action)


def test_a_rule_on_silence_has_no_window():
    """It has no instants either, and alerts know it by its statistic."""
    (found,) = info(Silence(no_events_for_ms=HOUR_MS), None)
    assert ("no_events", "") == (found.statistic, found.window)


def test_a_rule_that_is_gone_is_known_until_it_is_resolved():
    """So that its alert keeps its action; a rule that is there has one line."""
    spec = RuleSpec(name="r", when=F1)
    shown = [
        RuleView(rule=rule, model="m", version="2", severity="critical", state="firing", then="retrain")
        for rule in ("r", "old")
    ]
    found = rule_infos(Rules([Resolved(spec, None, WindowKind.DRIFT, 0)]), [SLOT], shown)
    assert [("r", "notify"), ("old", "retrain")] == [(i.rule, i.action) for i in found]

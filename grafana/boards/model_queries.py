"""What the model's panels have in common: which series they are about."""

from __future__ import annotations

from boards.panels import GREEN, ORANGE, RED
from boards.queries import REPLICAS, declared, main_average, of
from driftline.metrics.declarations import PERFORMANCE_STATISTICS

HERE = 'model="$model",version=~"$version"'
DRIFT = f'{HERE},window="$drift_window"'
PERFORMANCE = f'{HERE},window="$performance_window"'
VERSIONS = of("model_info", 'model="$model"')
MEASURES = {
    word: PERFORMANCE_STATISTICS[word][0]
    for word in sorted(PERFORMANCE_STATISTICS, key=lambda word: word != "f1")  # F1 is asked for first
}
RULE_STATES = {"0": ("quiet", GREEN), "1": ("pending", ORANGE), "2": ("firing", RED)}
STATE = f"max without ({REPLICAS}) ({of('rule_pending', HERE)} + 2 * {of('rule_firing', HERE)})"
STIRRED = (
    f"max without ({REPLICAS}) (max_over_time({of('rule_pending', HERE)}[$__range] @ end())"
    f" + max_over_time({of('rule_firing', HERE)}[$__range] @ end()))"
)
PSI = f"max by (feature) ({of('feature_psi', DRIFT)})"
MOST = f"topk(40, max by (feature) (max_over_time({of('feature_psi', DRIFT)}[$__range] @ end())))"


def measure(part: str = "", bound: str = "") -> str:
    """The chosen measure's metric; every choice is declared."""
    for name in MEASURES.values():
        declared(f"performance_{part}{name}{bound}")
    return f"driftline_performance_{part}${{measure}}{bound}"


def whole(bound: str = "") -> str:
    """The chosen measure of each version, in the average that its task is known by."""
    return main_average(measure(bound=bound), PERFORMANCE, "max", "version")


def windows(kind: str) -> str:
    """The windows of a kind that are exported."""
    selector = of("window_events", f'{HERE},kind="{kind}"')
    return f"label_values({selector}, window)"

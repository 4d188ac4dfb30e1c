"""Fleet: all models on one page, made for hundreds of them: the worst first, and a link to each."""

from __future__ import annotations

from boards.layout import Annotations, Board, Row, query_variable
from boards.panels import (
    GREEN,
    GREY,
    ORANGE,
    PSI_STEPS,
    RED,
    YELLOW,
    decimals,
    hidden,
    lines,
    listing,
    number,
    painted,
)
from boards.queries import REPLICAS, main_average, of, thresholds, unit

OF_TEAM = of("model_info", 'tag_team=~"$team"')
TEAM = f"max by (model, version, tag_team) ({OF_TEAM})"
MODEL = "model, version"


def ours(expr: str) -> str:
    """Of the chosen teams' models only."""
    return f"({expr}) and on (model, version) {TEAM}"


def alive(name: str, labels: str = "") -> str:
    """One value for all replicas."""
    return f"max without ({REPLICAS}) ({of(name, labels)})"


def _open(heading: str) -> dict[str, str]:
    fields = (
        "var-model=${__data.fields.Model:percentencode}&var-version=${__data.fields.Version:percentencode}"
    )
    return {heading: f"/d/driftline-model?{fields}&var-datasource=${{datasource}}&${{__url_time_range}}"}


FIRING = f"sum by ({MODEL}) ({alive('rule_firing')})"
REQUESTS = f"sum by ({MODEL}) (increase({of('triggers_total')}[$__range]))"
UNJUDGED = f"sum by ({MODEL}) ({alive('rule_insufficient')})"
WORST = f"max by ({MODEL}) ({of('worst_feature_psi')})"
F1_NOW = main_average(of("performance_f1"), "", "min", MODEL)
F1_LIMIT = thresholds("f1", "", MODEL)
QUIET = f"sum by (model) (increase({of('model_predictions_total')}[1h])) == 0"

TABLE = listing(
    "Models",
    "A row for each version of a model: firing rules first. Worst drift is the largest PSI of any feature in any window that "
    "is exported; F1 is the lowest of its windows, beside the threshold of the rules on F1. Click a model for its detail.",
    {"tag_team": "Team", "model": "Model", "version": "Version"},
    [
        ("Known", TEAM, "none", hidden()),
        ("Firing", ours(FIRING), "none", painted(((1, RED),), GREY)),
        (
            "Pending",
            ours(f"sum by ({MODEL}) ({alive('rule_pending')})"),
            "none",
            painted(((1, ORANGE),), GREY),
        ),
        ("Worst drift", ours(WORST), "none", [*decimals(3), *painted(PSI_STEPS)]),
        ("F1", ours(F1_NOW), "none", decimals(3)),
        ("F1 threshold", ours(F1_LIMIT), "none", decimals(3)),
        (
            "Label coverage",
            ours(f"min by ({MODEL}) ({of('label_coverage_ratio')})"),
            unit("label_coverage_ratio"),
            decimals(0),
        ),
        (
            "Events / s",
            ours(f"sum by ({MODEL}) (rate({of('model_predictions_total')}[5m]))"),
            "none",
            decimals(2),
        ),
        (
            "Last request",
            ours(f"max by ({MODEL}) ({of('trigger_last_timestamp_seconds')}) * 1000"),
            "dateTimeFromNow",
            [],
        ),
    ],
    "Firing",
    _open("Model"),
)

BOARD = Board(
    uid="driftline-fleet",
    title="driftline / Fleet",
    description="All monitored models: which of them need a person, and which are fine.",
    variables=[query_variable("team", "Team", f"label_values({of('model_info')}, tag_team)", multi=True)],
    annotations=[
        Annotations(
            "Retraining requested",
            f"sum by (rule, model, version) (changes({of('triggers_total')}[1m])) > 0",
            "{{model}}/{{version}}",
            "{{rule}}",
            "red",
        )
    ],
    rows=[
        Row(
            "Now",
            [
                (
                    4,
                    [
                        (
                            4,
                            number(
                                "Versions monitored",
                                "Versions of models of the chosen teams.",
                                f"count({TEAM})",
                                "none",
                                base=GREY,
                            ),
                        ),
                        (
                            4,
                            number(
                                "Versions with a rule firing",
                                "How many have at least one rule that fires now.",
                                f"count({ours(FIRING)} > 0) or vector(0)",
                                "none",
                                ((1, RED),),
                            ),
                        ),
                        (
                            4,
                            number(
                                "Retrainings requested",
                                "Requests for a retraining within the chosen time.",
                                f"sum(round({ours(REQUESTS)})) or vector(0)",
                                "none",
                                ((1, ORANGE),),
                            ),
                        ),
                        (
                            4,
                            number(
                                "Models without data",
                                "Models that had no prediction for an hour, in any version.",
                                f"count({QUIET} and on (model) {OF_TEAM}) or vector(0)",
                                "none",
                                ((1, ORANGE),),
                            ),
                        ),
                        (
                            4,
                            number(
                                "Rules without enough data",
                                "Instances of rules whose last instant had too few events or labels to judge.",
                                f"sum({ours(UNJUDGED)}) or vector(0)",
                                "none",
                                ((1, YELLOW),),
                            ),
                        ),
                        (
                            4,
                            number(
                                "Monitor",
                                "Whether driftline reaches Kafka; its own dashboard says more.",
                                f"min({of('kafka_up')})",
                                "none",
                                ((1, GREEN),),
                                RED,
                                texts={"0": ("Kafka unreachable", RED), "1": ("up", GREEN)},
                            ),
                        ),
                    ],
                )
            ],
        ),
        Row("Models", [(14, [(24, TABLE)])]),
        Row(
            "Over time",
            [
                (
                    9,
                    [
                        (
                            8,
                            lines(
                                "Most drifted models",
                                "The ten versions with the largest PSI of any feature; dashed where drift is called large (0.25).",
                                [(f"topk(10, {ours(WORST)})", "{{model}} {{version}}")],
                                "none",
                                limits=PSI_STEPS,
                                min=0,
                                decimals=3,
                            ),
                        ),
                        (
                            8,
                            lines(
                                "F1 above its threshold",
                                "F1 less the threshold of the rules on it, for the ten versions with the least room; below 0 a "
                                "rule is true or about to be.",
                                [
                                    (
                                        f"bottomk(10, {ours(f'{F1_NOW} - on ({MODEL}) {F1_LIMIT}')})",
                                        "{{model}} {{version}}",
                                    )
                                ],
                                "none",
                                limits=((0, RED),),
                                decimals=3,
                            ),
                        ),
                        (
                            8,
                            lines(
                                "Rules firing by team",
                                "Instances of rules that fire.",
                                [
                                    (
                                        f"sum by (tag_team) (sum by ({MODEL}) ({alive('rule_firing')}) * on ({MODEL}) group_left (tag_team) {TEAM})",
                                        "{{tag_team}}",
                                    )
                                ],
                                "none",
                                stacked=True,
                                min=0,
                                decimals=0,
                            ),
                        ),
                    ],
                )
            ],
        ),
    ],
)

"""What is known of a model now."""

from __future__ import annotations

from boards.model_queries import HERE, PERFORMANCE, PSI, whole
from boards.panels import GREEN, GREY, PSI_STEPS, RED, YELLOW, number
from boards.queries import REPLICAS, of, rate, unit

NOW = [
    (
        4,
        number(
            "Rules firing",
            "Instances of rules that fire now.",
            f"sum(max without ({REPLICAS}) ({of('rule_firing', HERE)}))",
            "none",
            ((1, RED),),
        ),
    ),
    (
        4,
        number(
            "$measure",
            "The chosen measure in the newest mature window; of several versions the lowest.",
            f"min({whole()})",
            "none",
            base=GREY,
            decimals=3,
        ),
    ),
    (
        4,
        number(
            "Most drifted feature",
            "The largest PSI of a feature, and which.",
            f"topk(1, {PSI})",
            "none",
            PSI_STEPS,
            decimals=3,
            legend="{{feature}}",
        ),
    ),
    (
        4,
        number(
            "Label coverage",
            "Share of predictions whose label has come, in the newest mature window.",
            f"min({of('label_coverage_ratio', PERFORMANCE)})",
            unit("label_coverage_ratio"),
            ((0.5, YELLOW), (0.8, GREEN)),
            RED,
        ),
    ),
    (
        4,
        number(
            "Predictions",
            "Distinct predictions a second.",
            f"sum({rate(of('model_predictions_total', HERE), 'version')})",
            "reqps",
            base=GREY,
            decimals=2,
        ),
    ),
    (
        4,
        number(
            "Newest event",
            "Event time of the newest event of the model.",
            f"max({of('model_last_event_timestamp_seconds', HERE)}) * 1000",
            "dateTimeFromNow",
            base=GREY,
        ),
    ),
]

LINES = [(4, NOW)]

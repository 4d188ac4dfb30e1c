"""Whether the data is whole: values, traffic, labels, latency."""

from __future__ import annotations

from boards.model_queries import DRIFT, HERE, PERFORMANCE
from boards.panels import lines
from boards.queries import of, quantile, rate, unit

LINES = [
    (
        8,
        [
            (
                8,
                lines(
                    "Missing and invalid values",
                    "The five features with the largest share of missing values, and of values of an unusable type.",
                    [
                        (
                            f"topk(5, max by (feature) ({of('feature_missing_ratio', DRIFT)}))",
                            "{{feature}} missing",
                        ),
                        (
                            f"topk(5, max by (feature) ({of('feature_invalid_ratio', DRIFT)}) > 0)",
                            "{{feature}} invalid",
                        ),
                    ],
                    unit("feature_missing_ratio"),
                    min=0,
                ),
            ),
            (
                8,
                lines(
                    "Values that the reference does not know",
                    "The five features with the largest share of unseen categories, and of numbers out of range.",
                    [
                        (
                            f"topk(5, max by (feature) ({of('feature_unseen_ratio', DRIFT)}))",
                            "{{feature}} unseen",
                        ),
                        (
                            f"topk(5, max by (feature) ({of('feature_out_of_range_ratio', DRIFT)}))",
                            "{{feature}} out of range",
                        ),
                    ],
                    unit("feature_unseen_ratio"),
                    min=0,
                ),
            ),
            (
                8,
                lines(
                    "Predictions by version",
                    "Distinct predictions a second: the change from one version to the next is seen here.",
                    [(rate(of("model_predictions_total", HERE), "version"), "{{version}}")],
                    "reqps",
                    stacked=True,
                    min=0,
                ),
            ),
        ],
    ),
    (
        8,
        [
            (
                8,
                lines(
                    "Label coverage",
                    "Share of the predictions in the chosen window that have their label.",
                    [
                        (
                            f"min by (version) ({of('label_coverage_ratio', PERFORMANCE)})",
                            "{{version}}",
                        )
                    ],
                    unit("label_coverage_ratio"),
                    min=0,
                    max=1,
                ),
            ),
            (
                8,
                lines(
                    "Label delay",
                    "How long after the prediction labels come: the median, and what 95 % of them do not exceed.",
                    [
                        (
                            quantile(0.5, "label_delay_seconds", HERE, "version"),
                            "p50 ({{version}})",
                        ),
                        (
                            quantile(0.95, "label_delay_seconds", HERE, "version"),
                            "p95 ({{version}})",
                        ),
                    ],
                    unit("label_delay_seconds"),
                    min=0,
                ),
            ),
            (
                8,
                lines(
                    "Prediction latency",
                    "What the model reported of itself: median and tail.",
                    [
                        (
                            quantile(0.5, "prediction_latency_seconds", HERE, "version"),
                            "p50 ({{version}})",
                        ),
                        (
                            quantile(0.99, "prediction_latency_seconds", HERE, "version"),
                            "p99 ({{version}})",
                        ),
                    ],
                    unit("prediction_latency_seconds"),
                    min=0,
                ),
            ),
        ],
    ),
    (
        7,
        [
            (
                24,
                lines(
                    "Events in the windows",
                    "How much the statistics rest on: events, and labelled ones.",
                    [
                        (
                            f"max by (version, window, kind) ({of('window_events', HERE)})",
                            "{{kind}} {{window}} ({{version}})",
                        ),
                        (
                            f"max by (version, window) ({of('window_labelled_events', HERE)})",
                            "labelled {{window}} ({{version}})",
                        ),
                    ],
                    "short",
                    min=0,
                ),
            ),
        ],
    ),
]

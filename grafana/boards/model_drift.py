"""Drift of features over time and now, and of what the model answers."""

from __future__ import annotations

from boards.model_queries import DRIFT, MOST, PSI
from boards.panels import (
    GREEN,
    GREY,
    PSI_STEPS,
    RED,
    YELLOW,
    bars,
    decimals,
    heat_map,
    lines,
    listing,
    painted,
)
from boards.queries import of, unit

FEATURES = listing(
    "Features",
    "Every feature against the reference in the chosen window, the most drifted first: distances, then what is wrong with the "
    "values themselves.",
    {"feature": "Feature", "version": "Version"},
    [
        (
            heading,
            f"max by (feature, version) ({of(name, DRIFT)})",
            unit(name),
            [*decimals(places), *painted(limits, base)],
        )
        for heading, name, places, limits, base in (
            ("PSI", "feature_psi", 3, PSI_STEPS, GREEN),
            ("KS", "feature_ks_statistic", 3, (), GREY),
            ("KS p-value", "feature_ks_pvalue", 4, (), GREY),
            ("Wasserstein / σ", "feature_wasserstein_normalized", 3, (), GREY),
            ("JS distance", "feature_js_distance", 3, (), GREY),
            ("Missing", "feature_missing_ratio", 1, ((0.05, YELLOW), (0.2, RED)), GREY),
            ("Unseen", "feature_unseen_ratio", 1, ((0.01, YELLOW), (0.05, RED)), GREY),
            ("Invalid", "feature_invalid_ratio", 1, ((0.0001, YELLOW), (0.01, RED)), GREY),
            ("Out of range", "feature_out_of_range_ratio", 1, ((0.01, YELLOW), (0.05, RED)), GREY),
        )
    ],
    "PSI",
    {},
)

LINES = [
    (
        13,
        [
            (
                16,
                heat_map(
                    "Drift of features over time",
                    "PSI of the forty features that drifted most within the chosen time: a row each. Below 0.1 is "
                    "little, above 0.25 much; the scale ends at 0.5.",
                    f"{PSI} and on (feature) {MOST}",
                    "{{feature}}",
                    "none",
                    "PSI",
                    0.5,
                ),
            ),
            (
                8,
                bars(
                    "Most drifted features now",
                    "The fifteen largest PSI.",
                    f"sort_desc(topk(15, {PSI}))",
                    "{{feature}}",
                    "none",
                    PSI_STEPS,
                    decimals=3,
                ),
            ),
        ],
    ),
    (10, [(24, FEATURES)]),
    (
        8,
        [
            (
                12,
                lines(
                    "Drift of the model's output",
                    "PSI of what the model answers (score, class or value) against the reference.",
                    [
                        (
                            f"max by (output, version) ({of('prediction_psi', DRIFT)})",
                            "{{output}} ({{version}})",
                        )
                    ],
                    "none",
                    limits=PSI_STEPS,
                    min=0,
                    decimals=3,
                ),
            ),
            (
                12,
                lines(
                    "Predicted classes",
                    "Share of predictions of each class.",
                    [
                        (
                            f"max by (class, version) ({of('prediction_class_ratio', DRIFT)})",
                            "{{class}} ({{version}})",
                        )
                    ],
                    unit("prediction_class_ratio"),
                    min=0,
                    max=1,
                ),
            ),
        ],
    ),
]

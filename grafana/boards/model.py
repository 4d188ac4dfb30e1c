"""Model: what changed, since when, how sure, and does it matter."""

from __future__ import annotations

from boards.layout import Annotations, Board, Row, choice_variable, query_variable
from boards.panels import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PSI_STEPS,
    RED,
    YELLOW,
    band,
    bars,
    coloured,
    dashed,
    decimals,
    heat_map,
    lines,
    listing,
    number,
    painted,
    states,
    told,
)
from boards.queries import REPLICAS, declared, of, quantile, rate, thresholds, unit
from driftline.metrics.declarations import PERFORMANCE_STATISTICS

HERE = 'model="$model",version=~"$version"'
DRIFT = f'{HERE},window="$drift_window"'
PERFORMANCE = f'{HERE},window="$performance_window"'
WHOLE = f'{PERFORMANCE},average=~"binary|macro|"'
VERSIONS = of("model_info", 'model="$model"')
MEASURES = {
    word: PERFORMANCE_STATISTICS[word][0]
    for word in sorted(PERFORMANCE_STATISTICS, key=lambda word: word != "f1")  # F1 is asked for first
}
RULE_STATES = {"0": ("quiet", GREEN), "1": ("pending", ORANGE), "2": ("firing", RED)}
STATE = f"max without ({REPLICAS}) ({of('rule_pending', HERE)} + 2 * {of('rule_firing', HERE)})"


def windows(kind: str) -> str:
    """The windows of a kind that are exported."""
    selector = of("window_events", f'{HERE},kind="{kind}"')
    return f"label_values({selector}, window)"


def measure(part: str = "", bound: str = "") -> str:
    """The chosen measure's metric; every choice is declared."""
    for name in MEASURES.values():
        declared(f"performance_{part}{name}{bound}")
    return f"driftline_performance_{part}${{measure}}{bound}"


def top(count: int, expr: str) -> str:
    """The largest at the end of the chosen time, for all of it."""
    return f"topk({count}, {expr})"


PSI = f"max by (feature) ({of('feature_psi', DRIFT)})"
MOST = f"topk(40, max by (feature) (max_over_time({of('feature_psi', DRIFT)}[$__range] @ end())))"

INTERVAL = lines(
    "$measure of version $version",
    "The chosen measure in the newest mature window, with its 95 % interval and the thresholds of the rules on it. One panel "
    "a version, so that versions stand side by side.",
    [
        (f"max by (average) ({measure()}{{{WHOLE}}})", "value"),
        (f"max by (average) ({measure(bound='_lower_bound')}{{{WHOLE}}})", "low"),
        (f"max by (average) ({measure(bound='_upper_bound')}{{{WHOLE}}})", "high"),
        (thresholds("${measure:text}", HERE, "rule"), "threshold"),
    ],
    "none",
    decimals=3,
)
INTERVAL = dashed(band(coloured(INTERVAL, "value", BLUE, 2), "low", "high"), "threshold", RED)
INTERVAL = INTERVAL.repeat("version").repeat_direction("h").max_per_row(3)

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

RULES = listing(
    "Rules",
    "Every instance of every rule: what it saw last, what it is compared with, and when it was judged.",
    {
        "rule": "Rule",
        "version": "Version",
        "feature": "Feature",
        "class": "Class",
        "segment": "Segment",
        "severity": "Severity",
    },
    [
        ("State", STATE, "none", told(RULE_STATES)),
        ("Value", f"max without ({REPLICAS}) ({of('rule_value', HERE)})", "none", decimals(3)),
        ("Threshold", f"max without ({REPLICAS}) ({of('rule_threshold', HERE)})", "none", decimals(3)),
        (
            "Enough data",
            f"1 - max without ({REPLICAS}) ({of('rule_insufficient', HERE)})",
            "none",
            told({"0": ("no", ORANGE), "1": ("yes", GREY)}),
        ),
        (
            "Judged",
            f"max without ({REPLICAS}) ({of('rule_last_judged_timestamp_seconds', HERE)}) * 1000",
            "dateTimeAsIso",
            [],
        ),
    ],
    "State",
    {},
)

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
            f"min({measure()}{{{WHOLE}}})",
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

SEGMENTS = bars(
    "Segments with the lowest $measure",
    "Where the model is worst: the ten lowest segments in the chosen window.",
    f"bottomk(10, max by (segment, value) ({measure('segment_')}{{{PERFORMANCE}}}))",
    "{{segment}}={{value}}",
    "none",
    (),
    BLUE,
    decimals=3,
)
BY_CLASS = lines(
    "$measure by class",
    "The chosen measure of each class.",
    [(f"max by (class, version) ({measure('class_')}{{{PERFORMANCE}}})", "{{class}} ({{version}})")],
    "none",
    decimals=3,
)

BOARD = Board(
    uid="driftline-model",
    title="driftline / Model",
    description="One model: performance with its uncertainty, drift of its features, its labels and its rules.",
    since="now-7d",
    variables=[
        query_variable("model", "Model", f"label_values({of('model_info')}, model)"),
        query_variable("version", "Version", f"label_values({VERSIONS}, version)", multi=True),
        choice_variable("measure", "Measure", MEASURES),
        query_variable("drift_window", "Drift window", windows("drift")),
        query_variable(
            "performance_window",
            "Performance window",
            windows("performance"),
        ),
    ],
    annotations=[
        Annotations(
            "Retraining requested",
            f"sum by (rule, version) (changes({of('triggers_total', HERE)}[1m])) > 0",
            "Retraining requested",
            "{{rule}} ({{version}})",
            "red",
        )
    ],
    rows=[
        Row("Now", [(4, NOW)]),
        Row("Performance", [(10, [(24, INTERVAL)]), (8, [(12, BY_CLASS), (12, SEGMENTS)])]),
        Row(
            "Drift",
            [
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
            ],
        ),
        Row(
            "Data and labels",
            [
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
            ],
        ),
        Row(
            "Rules",
            [
                (
                    8,
                    [
                        (
                            24,
                            states(
                                "Rules over time",
                                "Quiet, pending (true, not yet for long enough) and firing.",
                                STATE,
                                "{{rule}} {{feature}}{{class}}{{segment}} ({{version}})",
                                RULE_STATES,
                            ),
                        )
                    ],
                ),
                (9, [(24, RULES)]),
            ],
        ),
    ],
)

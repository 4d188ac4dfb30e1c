"""Model: what changed, since when, how sure, and does it matter."""

from __future__ import annotations

from boards import model_data, model_drift, model_now, model_performance, model_rules
from boards.layout import Annotations, Board, Row, choice_variable, query_variable
from boards.model_queries import HERE, MEASURES, VERSIONS, windows
from boards.queries import of

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
        Row("Now", model_now.LINES),
        Row("Performance", model_performance.LINES),
        Row("Drift", model_drift.LINES),
        Row("Data and labels", model_data.LINES),
        Row("Rules", model_rules.LINES),
    ],
)

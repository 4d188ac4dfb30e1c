"""Performance with its interval, versions side by side; by class and by segment."""

from __future__ import annotations

from boards.model_queries import HERE, PERFORMANCE, measure, whole
from boards.panels import BLUE, RED, band, bars, coloured, dashed, lines
from boards.queries import thresholds

INTERVAL = lines(
    "$measure of version $version",
    "The chosen measure in the newest mature window, with its 95 % interval and the thresholds of the rules on it. One panel "
    "a version, so that versions stand side by side.",
    [
        (whole(), "value"),
        (whole("_lower_bound"), "low"),
        (whole("_upper_bound"), "high"),
        (thresholds("${measure:text}", HERE, "rule"), "threshold"),
    ],
    "none",
    decimals=3,
)
INTERVAL = dashed(band(coloured(INTERVAL, "value", BLUE, 2), "low", "high"), "threshold", RED)
INTERVAL = INTERVAL.repeat("version").repeat_direction("h").max_per_row(3)

SEGMENTS = bars(
    "Segments with the lowest $measure",
    "The ten lowest segments in the chosen window: where the model is worst, but for errors (log loss, Brier, MAE, RMSE), "
    "of which the lowest are the best.",
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

LINES = [(10, [(24, INTERVAL)]), (8, [(12, BY_CLASS), (12, SEGMENTS)])]

"""Names that columns have in the field, by what they mean; the best known first."""

from __future__ import annotations

import re
from collections.abc import Iterable

TIME = (
    "time", "timestamp", "ts", "event_time", "event_timestamp", "datetime", "prediction_time", "created_at",
    "occurred_at", "scored_at", "date", "day_date",
)  # fmt: skip
LABEL_TIME = (
    "label_time",
    "label_ts",
    "label_timestamp",
    "labelled_at",
    "labeled_at",
    "known_at",
    "outcome_time",
)
ID = ("prediction_id", "event_id", "request_id", "transaction_id", "uuid", "id", "row_id", "key")
PREDICTION = (
    "prediction", "predicted", "y_pred", "pred", "y_hat", "yhat", "predicted_class", "predicted_label",
    "predicted_value", "prediction_label", "model_output", "output", "decision",
)  # fmt: skip
SCORE = (
    "score", "y_prob", "y_proba", "y_score", "probability", "proba", "prob", "prediction_score", "predicted_probability",
    "predicted_score", "model_score", "confidence",
)  # fmt: skip
LABEL = (
    "label", "y_true", "y", "target", "truth", "ground_truth", "actual", "class", "outcome", "observed", "true_label",
)  # fmt: skip
EVENT_FIELDS = frozenset({
    "prediction_id", "id", "model", "version", "time", "prediction", "score", "scores", "label", "segments", "latency_ms",
    "revision", "_kafka",
})  # fmt: skip
"""What an event has beside its features."""
NO_FEATURE = EVENT_FIELDS | {"model_version", "model_name", "index", "unnamed_0", ""}
COUNTERS = (
    "index",
    "row",
    "row_number",
    "counter",
    "sequence",
    "seq",
    "offset",
)
POSITIVE = (
    "1",
    "true",
    "yes",
    "y",
    "positive",
    "pos",
    "t",
    "fraud",
    "bad",
    "churn",
    "default",
    "spam",
    "up",
    "click",
)
_CODES = re.compile(r"(^|_)(zip|zipcode|postcode|plz|code|type|kind|class|category|region|country|id)($|_)")
_IDS = re.compile(r"(^|_)(id|uuid|guid|key)$|^(id|uuid|guid)_")


def plain(name: str) -> str:
    """Lower case, words by underscores: ``"Y Pred" -> "y_pred"``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def ranked(columns: Iterable[str], known: tuple[str, ...]) -> list[str]:
    """The columns that have one of the known names, best first; then those in which one is the first or last word."""
    ranks = ((rank(column, known), order, column) for order, column in enumerate(columns))
    return [column for _, _, column in sorted((r, o, c) for r, o, c in ranks if r is not None)]


def rank(column: str, known: tuple[str, ...]) -> tuple[int, int] | None:
    """How well a column has one of the known names: (0, its place), or 1 where one is its first or last word."""
    name = plain(column)
    if name in known:
        return 0, known.index(name)
    near = [k for k in known if len(k) > 1 and (name.endswith(f"_{k}") or name.startswith(f"{k}_"))]
    return (1, known.index(near[0])) if near else None


def is_code(name: str) -> bool:
    """Whether whole numbers under that name only name things; a day or a month has an order and stays a number."""
    return bool(_CODES.search(plain(name)))


def is_id(name: str) -> bool:
    """Whether a name is that of a key: many different values under it tell things apart, and no kinds of them."""
    return bool(_IDS.search(plain(name)))


def is_clock(name: str) -> bool:
    """Whether a name is that of a time, or of a number that is counted up."""
    return bool(ranked([name], (*TIME, *LABEL_TIME, *COUNTERS)))

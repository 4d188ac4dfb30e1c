"""What is under ``/api/v1/``: each endpoint with its parameters and the shape of its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from driftline.metrics.view import DaemonView
from driftline.web.api import schemas
from driftline.web.api.models import models
from driftline.web.api.paging import Keyed, page
from driftline.web.api.query import (
    FROM,
    MODEL,
    PAGED,
    TO,
    VERSION,
    WINDOW,
    Parameter,
    Query,
    choice,
    parse,
    selects,
)
from driftline.web.api.rules import STATES, rules
from driftline.web.api.samples import samples
from driftline.web.api.status import status
from driftline.web.api.triggers import TYPES, triggers

_STATISTICS = (
    "psi", "psi_deciles", "ks", "ks_high", "ks_pvalue", "wasserstein", "js_distance", "hellinger", "total_variation",
    "l_infinity", "chi2", "chi2_pvalue", "mean", "std", "missing_ratio", "invalid_ratio", "unseen_ratio",
    "out_of_range_ratio", "prediction_psi", "prediction_js_distance", "class_ratio", "accuracy", "precision", "recall",
    "f1", "balanced_accuracy", "mcc", "auc", "log_loss", "brier", "ece", "mae", "rmse", "r2", "mape", "bias",
    "label_coverage", "events", "labelled", "latency_p50", "latency_p95", "latency_p99", "throughput",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path: a whole answer, or the items of a list that is paged."""

    name: str
    about: str
    parameters: tuple[Parameter, ...]
    schema: schemas.Schema
    """Of the answer, or of one item."""
    whole: Callable[[DaemonView, Query], dict[str, Any]] | None = None
    items: Callable[[DaemonView, Query], Iterable[Keyed]] | None = None

    def answer(self, view: DaemonView, given: Iterable[tuple[str, str]]) -> tuple[Any, str | None]:
        """The body, and the cursor of the next page. Raises ``Refused``."""
        query = parse(self.parameters, given)
        if self.whole is not None:
            return self.whole(view, query), None
        return page(self.items(view, query) if self.items else (), query)


ENDPOINTS = (
    Endpoint("status", "Health of the daemon and of each stream", (), schemas.STATUS, whole=status),
    Endpoint("models", "The monitored versions, by name", (MODEL, VERSION, *PAGED), schemas.MODEL, items=models),
    Endpoint(
        "samples",
        "Samples of the newest end of each window; with from or to, of all ends still held between them",
        (
            MODEL, VERSION, choice("statistic", "Name of a statistic", _STATISTICS), selects("feature", "Name of a feature"),
            WINDOW, FROM, TO, *PAGED,
        ),
        schemas.SAMPLE,
        items=samples,
    ),
    Endpoint(
        "rules", "Every instance of every rule, by model",
        (MODEL, VERSION, selects("rule", "Name of a rule"), choice("state", "State of the instance", STATES), *PAGED),
        schemas.RULE, items=rules,
    ),
    Endpoint(
        "triggers", "The newest published events, newest first",
        (MODEL, VERSION, selects("rule", "Name of a rule"), choice("type", "Kind of event", TYPES), FROM, TO, *PAGED),
        schemas.TRIGGER, items=triggers,
    ),
)  # fmt: skip

"""Numbers, instants and durations as people read them."""

from __future__ import annotations

from math import isfinite

from driftline.instants import moment, rfc3339
from driftline.settings import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from driftline.web.page.markup import Markup, tag

NARROW = "\u00a0"
"""A space that does not break, between a number and its unit."""
LABELS = {
    "f1": "F1", "auc": "AUC", "mcc": "MCC", "mae": "MAE", "rmse": "RMSE", "r2": "R²", "psi": "PSI", "ks": "KS",
    "log_loss": "log loss", "brier": "Brier score", "mape": "MAPE", "ece": "ECE",
}  # fmt: skip


def statistic(name: str) -> str:
    """A statistic's name in a sentence."""
    return LABELS.get(name, name.replace("_", " "))


def number(value: float | None) -> str:
    """Three decimals up to ten, then fewer; a dash where there is none."""
    if value is None or not isfinite(value):
        return "–"
    if abs(value) < 10:
        return f"{value:.3f}"
    return f"{value:.1f}" if abs(value) < 1000 else f"{value:,.0f}"


def count(value: int) -> str:
    """A count in groups of three."""
    return f"{value:,}".replace(",", "\u202f")


def share(value: float | None) -> str:
    """A share in percent."""
    if value is None or not isfinite(value):
        return "–"
    percent = 100 * value
    return (f"{percent:.0f}" if percent >= 9.95 or percent == 0 else f"{percent:.2g}") + f"{NARROW}%"


def instant(at_ms: int | None, none: str = "never") -> Markup:
    """An instant in UTC, exact for machines."""
    if at_ms is None:
        return tag("span", none, class_="quiet")
    at = moment(at_ms)
    return tag("time", f"{at.day} {at:%b %Y, %H:%M}", datetime=rfc3339(at_ms))


def day(at_ms: int) -> Markup:
    """The day of an instant."""
    at = moment(at_ms)
    return tag("time", f"{at.day} {at:%b %Y}", datetime=rfc3339(at_ms))


_UNITS = ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min"), (SECOND_MS, "s"))


def duration(span_ms: int) -> str:
    """A duration in its two largest units."""
    span_ms = max(0, span_ms)
    parts = []
    for size, unit in _UNITS:
        whole, span_ms = divmod(span_ms, size)
        if whole:
            parts.append(f"{whole}{NARROW}{unit}")
    return NARROW.join(parts[:2]) or f"0{NARROW}s"


def size(count_bytes: int | None) -> str:
    """Bytes in the unit that fits."""
    if count_bytes is None:
        return "–"
    amount = float(count_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def plural(amount: int, one: str, many: str | None = None) -> str:
    """``1 model``, ``3 models``."""
    return f"{count(amount)} {one if amount == 1 else many or one + 's'}"

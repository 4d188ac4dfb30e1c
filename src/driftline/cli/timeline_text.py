"""A failed timeline in words: what was expected and what happened, side by side, by time."""

from __future__ import annotations

from pathlib import Path

from driftline.config.timelines import Test
from driftline.rules.spec import hours_text
from driftline.rules.timeline import Happened
from driftline.rules.verdict import Violation

_NOTHING = "–"
_INDENT = " " * 8


def key(of: Happened, *, then: str | None) -> tuple[object, ...]:
    """What makes two transitions the same."""
    instance = tuple(sorted(of.instance.items()))
    return of.at_ms, of.transition, of.rule, of.model, of.version, instance, then


def failure(path: Path, test: Test, happened: tuple[Happened, ...]) -> str:
    """The table, with a cross at each line where the two differ, and where the test stands."""
    rows = [("", "at", "expected", "happened"), *_rows(test.expected, happened)]
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(_INDENT + line.rstrip() for line in [f"{path}:{test.line}", *lines])


def _rows(expected: tuple[Happened, ...], happened: tuple[Happened, ...]) -> list[tuple[str, ...]]:
    left = list(happened)
    rows: list[tuple[int, tuple[str, ...]]] = []
    for wanted in expected:
        found = next((h for h in left if h == wanted), None)
        if found is None:
            rows.append((wanted.at_ms, ("✗", hours_text(wanted.at_ms), _said(wanted), _NOTHING)))
            continue
        left.remove(found)
        same = wanted.then in (None, found.then)
        cells = ("" if same else "✗", hours_text(wanted.at_ms), _said(wanted), _said(found))
        rows.append((wanted.at_ms, cells))
    rows += [(h.at_ms, ("✗", hours_text(h.at_ms), _NOTHING, _said(h))) for h in left]
    return [cells for _at_ms, cells in sorted(rows, key=lambda row: row[0])]


def _said(of: Happened) -> str:
    names = [f"{k}={v}" for k, v in sorted(of.instance.items())]
    who = "/".join(n for n in (of.model, of.version) if n)
    parts = [of.transition, of.rule, *([f"of {who}"] if who else []), *names]
    if of.then:
        parts.append(f"({of.then})")
    if of.violation is not None:
        parts.append(_because(of.violation))
    return " ".join(parts)


def _because(v: Violation) -> str:
    """The first value that the verdict rests on: ``[f1 0.91, limit 0.92]``."""
    of = f" of {v.dimension.feature}" if v.dimension.feature else ""
    value = f"{v.value:.4g}" if v.value == v.value else "unknown"
    span = f" ({v.low:.4g} to {v.high:.4g})" if v.low == v.low and v.high == v.high else ""
    limit = f", limit {v.threshold:.4g}" if v.threshold == v.threshold else ""
    return f"[{v.metric}{of} {value}{span}{limit}]"

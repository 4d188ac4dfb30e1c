"""``/api/v1/samples``: values of statistics, newest or over time, in the one shape of a sample line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter

from msgspec import UNSET

from driftline.metrics.view import DaemonView, HistoryView, WindowView
from driftline.records import Evaluation, SampleState
from driftline.statistics.lines import SampleLine, sample_rows
from driftline.web.api.paging import Key, Keyed, after
from driftline.web.api.query import Query


def samples(view: DaemonView, query: Query) -> Iterator[Keyed]:
    """Samples: of the newest end of each window, or with ``from`` or ``to`` of all ends still held between them."""
    start = (after(query) or ())[:_PLACE_PARTS]
    windows = [w for stream in view.streams for w in stream.windows]
    places = {_place(w) for w in windows}
    for window in sorted(windows, key=_place):
        asked = query.wants(model=window.model, version=window.version, window=window.window)
        if asked and _place(window) >= start:
            twice = window.kind == "drift" and (*_place(window)[:3], "performance") in places
            yield from sorted(_of_window(window, query, twice=twice), key=itemgetter(0))


_PLACE_PARTS = 4


def _place(window: WindowView) -> Key:
    """The beginning of the keys of its samples."""
    return window.model, window.version, window.window, window.kind


def _of_window(window: WindowView, query: Query, *, twice: bool) -> Iterator[Keyed]:
    """``twice``: there is a performance window of this length too, whose ``events`` are given instead."""
    for end_ms, row in _rows(window, query):
        if twice and row.statistic == "events":
            continue
        if query.wants(statistic=row.statistic, feature=row.feature):
            yield _key(window, end_ms, row), row


def _rows(window: WindowView, query: Query) -> Iterator[tuple[int, SampleLine]]:
    from_ms, to_ms = query.one("from"), query.one("to")
    asked = query.values.get("statistic")
    past, low, high = window.history, from_ms or 0, to_ms if to_ms is not None else 1 << 62
    if (from_ms is not None or to_ms is not None) and past is not None:
        evaluations = _asked(past.evaluations, asked)
        for e, end_ms in enumerate(past.ends_ms):
            if low <= end_ms <= high and end_ms < window.end_ms:
                judged_ms = past.judged_ms[e] if past.judged_ms else None
                yield from _at(window, end_ms, judged_ms, _with_events(past, evaluations), e, asked)
    if low <= window.end_ms <= high:
        yield from _at(window, window.end_ms, window.judged_ms, window.evaluations, -1, asked)


def _asked(evaluations: Sequence[Evaluation], asked: tuple[str, ...] | None) -> list[Evaluation]:
    return [e for e in evaluations if asked is None or e.statistic in asked]


def _with_events(past: HistoryView, evaluations: list[Evaluation]) -> list[Evaluation]:
    """Events tell whether a window is empty, so they are there even when they are not asked for."""
    events = [e for e in past.evaluations if e.statistic == "events"]
    return [*(e for e in events if all(e is not x for x in evaluations)), *evaluations]


def _at(
    window: WindowView, end_ms: int, judged_ms: int | None, evaluations: Sequence[Evaluation], e: int,
    asked: tuple[str, ...] | None,
) -> Iterator[tuple[int, SampleLine]]:  # fmt: skip
    word = SampleState.PROVISIONAL if judged_ms is None else SampleState.OK
    for row in sample_rows(
        window.model, window.version, window.window, end_ms, judged_ms, evaluations, e, word
    ):
        if asked is None or row.statistic in asked:
            yield end_ms, row


def _key(window: WindowView, end_ms: int, row: SampleLine) -> Key:
    segment = (
        "" if row.segment is UNSET or not isinstance(row.segment, dict) else str(sorted(row.segment.items()))
    )
    about = [row.class_, row.output, row.average]
    return (
        *_place(window), end_ms, row.statistic, row.feature or "", segment,
        *("" if text is UNSET else str(text) for text in about),
    )  # fmt: skip

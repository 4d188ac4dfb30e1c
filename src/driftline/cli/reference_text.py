"""A reference as text: what was built and what is not surely meant, and its tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.box import SIMPLE
from rich.table import Table

from driftline.instants import FIRST_MS, LAST_MS, rfc3339
from driftline.reference.build import Built
from driftline.reference.profile import CategoricalProfile, NumericProfile, Profile
from driftline.reference.tables import Span
from driftline.reference.units import Unit, unit_of_numbers
from driftline.settings import DEFAULT_GATES

NO_NAME = '""'
"""How a column is shown whose name is empty."""
_SHOWN_CATEGORIES = 5
_ID = 12
"""So many digits tell references apart."""


def summary(built: Built, output: Path, asked: Span, replaced: str | None) -> Iterator[str]:
    """What was built, what was left out and why, and what is surely not meant. ``replaced``: the id that stood there; ``asked``: the rows."""
    profile = built.profile
    yield from _built(built, output, replaced)
    for text in built.assumed:
        yield f"assumed: {text}"
    first, last = asked
    if last is not None and profile.rows < last - first:
        yield f"warning: rows {first}:{last} were asked for, and the file ends after row {first + profile.rows - 1}"
    for text in _doubts(profile):
        yield f"warning: {text}"


def _built(built: Built, output: Path, replaced: str | None) -> Iterator[str]:
    profile, judged = built.profile, built.judged
    if replaced is not None:
        yield f"replaced {output} ({_was(replaced, profile.id)})"
    yield f"{output}: {profile.model}/{profile.version}, {profile.rows} rows"
    yield f"numeric: {_listed(judged.numeric)}"
    yield f"categorical: {_listed(judged.categorical)}"
    if judged.codes:
        yield f"  of them whole numbers that name things: {_listed(judged.codes)}"
    for name, reason in judged.left:
        yield f"left out: {name or NO_NAME}: {reason}"
    for name, doubt in judged.doubts:
        yield f"warning: {name}: {doubt}"


def _was(replaced: str, ident: str) -> str:
    if not replaced:
        return "it was no reference"
    return "the same as before" if replaced == ident else f"was id {replaced[:_ID]}, is {ident[:_ID]}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"


def _doubts(profile: Profile) -> Iterator[str]:
    """What a reference says and is surely not meant."""
    score, least = profile.score, DEFAULT_GATES["drift"]
    if score is not None and (score.minimum < 0 or score.maximum > 1):
        span = f"{score.minimum:g} to {score.maximum:g}"
        yield f"scores are probabilities, and those of {score.name} are {span}: only those from 0 to 1 are measured"
    for answers in (profile.score, profile.value):
        if answers is not None and answers.n == 0:
            yield f"no value of {answers.name} is a number"
    if profile.time_span_ms is not None and unit_of_numbers(*profile.time_span_ms) is not Unit.MILLISECONDS:
        first, last = map(_instant, profile.time_span_ms)
        yield f"times go from {first} to {last}, before 1980 or after 2100; numbers are read as milliseconds since 1970"
    if profile.rows < least:
        yield f"{profile.rows} rows: against so few every window looks moved; {least} or more are better"


def _instant(at_ms: int) -> str:
    """A time, or the number that is none for anybody."""
    return rfc3339(at_ms) if FIRST_MS <= at_ms <= LAST_MS else str(at_ms)


def tables(profile: Profile) -> Iterator[Table]:
    """What there is to show of a reference."""
    yield _facts(profile)
    numeric = [*profile.numeric, *(p for p in (profile.score, profile.value) if p)]
    categorical = [*profile.categorical, *(p for p in (profile.predicted, profile.label) if p)]
    if numeric:
        yield _numeric_table(numeric)
    if categorical:
        yield _categorical_table(categorical)
    if profile.performance.get("metrics"):
        yield _metrics_table(profile)


def _facts(profile: Profile) -> Table:
    table = Table(
        title=_plain(f"reference of {profile.model}/{profile.version}"), show_header=False, box=SIMPLE
    )
    facts = {
        "id": profile.id,
        "task": profile.task.value if profile.task else "unknown",
        "positive": profile.positive or "",
        **({} if profile.threshold is None else {"threshold": threshold_text(profile)}),
        "rows": str(profile.rows),
        "bins": profile.bins_id,
        **{f"lineage {key}": str(value) for key, value in profile.lineage.items()},
    }
    for key, value in facts.items():
        table.add_row(_plain(key), _plain(value))
    return table


def threshold_text(profile: Profile) -> str:
    """What the threshold of a reference made from scores alone does."""
    return f"{profile.threshold}: {profile.positive} where the score is at least that, as no column has the class"


def _plain(text: str) -> str:
    """Text of users' data, never read as rich's markup."""
    return text.replace("[", r"\[")


def _numeric_table(profiles: list[NumericProfile]) -> Table:
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for name in ("numeric", "n", "missing", "invalid", "min", "median", "mean", "std", "max", "bins"):
        table.add_column(name, overflow="fold", justify="left" if name == "numeric" else "right")
    for p in profiles:
        numbers = (p.minimum, p.center if p.n else float("nan"), p.mean, p.std, p.maximum)
        counts = (str(c) for c in (p.n, p.missing, p.invalid))
        table.add_row(_plain(p.name), *counts, *(f"{x:.5g}" for x in numbers), str(len(p.counts)))
    return table


def _categorical_table(profiles: list[CategoricalProfile]) -> Table:
    table = Table("categorical", "n", "missing", "invalid", "different", "most frequent", box=SIMPLE)
    for p in profiles:
        top = [f"{v} {c / p.n:.1%}" for v, c in zip(p.categories, p.counts, strict=True)][:_SHOWN_CATEGORIES]
        counts = (str(c) for c in (p.n, p.missing, p.invalid, len(p.categories)))
        table.add_row(_plain(p.name), *counts, _plain(", ".join(top)))
    return table


def _metrics_table(profile: Profile) -> Table:
    table = Table("metric", "value", box=SIMPLE, title=f"validation, n = {profile.performance['n']}")
    for name, value in profile.performance["metrics"].items():
        parts = {f"{name} {k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
        for label, number in parts.items():
            table.add_row(label, f"{number:.6g}")
    return table

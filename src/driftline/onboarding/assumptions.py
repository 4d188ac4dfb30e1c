"""What is taken for granted where neither the data nor the user says it: each is told."""

from __future__ import annotations

from collections.abc import Iterator

from driftline.onboarding.guess import Guess
from driftline.onboarding.study import Study
from driftline.onboarding.wishes import Wishes
from driftline.reference.facts import Column
from driftline.reference.tables import Table
from driftline.reference.units import Unit, without_zone
from driftline.settings import duration_text


def assumptions(study: Study, guess: Guess, wishes: Wishes, label_delay_ms: int) -> Iterator[str]:
    """One sentence each. ``label_delay_ms``: what is taken where no column tells when labels were known."""
    roles = guess.roles
    yield from _rows(study.table, study.production)
    if roles.time is not None:
        yield from _times(study.columns[roles.time], wishes)
    if guess.threshold is not None and wishes.threshold is None:
        yield f"{roles.score} means {guess.positive} from {guess.threshold} on (--threshold)"
    if not guess.features and wishes.features is None:
        yield "no column is a feature, so the answers and how good they are is all that is measured (--features)"
    if roles.label is None and wishes.label is None:
        yield f"no column holds the truth, so only drift is measured{_likely_truth(study, guess)} (--label)"
    if roles.label is not None and roles.label_time is None and wishes.label_delay_ms is None:
        delay = duration_text(label_delay_ms)
        yield f"labels come {delay} after their predictions, since no column says when (--label-delay, --label-time)"
    if roles.prediction_id is None and study.production is not None:
        yield "prediction ids are made of the model's name and the row, since no column has one for each (--id)"


def _likely_truth(study: Study, guess: Guess) -> str:
    """Features that have the answer's values, and only those, may be what turned out to be true."""
    answer = study.columns[guess.roles.prediction].values if guess.roles.prediction else ()
    likely = [name for name in guess.features if len(answer) > 1 and study.columns[name].values == answer]
    return f"; features with the values of {guess.roles.prediction}: {', '.join(likely)}" if likely else ""


def _rows(table: Table, production: Table | None) -> Iterator[str]:
    first, last = table.span
    if last is None:
        return
    if table.rows < last - first:
        end = first + table.rows
        yield f"--validated-rows {first}:{last} is {first}:{end}, since the file has {end} rows"
    if production is None:
        yield "no row is left for production, so no events are written (--production)"


def _times(column: Column, wishes: Wishes) -> Iterator[str]:
    if wishes.every_ms is not None:
        yield f"--every is not used, since {column.name} has the times (--time - for rows without)"
    if column.unit is not Unit.TEXT:
        yield f"{column.name} holds {column.unit}, by the size of its numbers"
    elif assumed := without_zone(column.name, column.sample):
        yield assumed

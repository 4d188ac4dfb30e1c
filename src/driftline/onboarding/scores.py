"""Whether a column can be the score of the positive class: a probability, but for a few bad values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from driftline.reference import names
from driftline.reference.facts import Column

_BAD_RATIO = 0.05
"""A column with more values than this outside of 0 to 1 is no probability."""
_OUTSIDE = "not from 0 to 1"


def why_no_score(column: Column) -> str | None:
    """Why it cannot be one; None: it can."""
    if not column.numeric:
        return "its values are no numbers"
    if column.outside > _BAD_RATIO * column.present:
        return f"its values go from {column.lowest:g} to {column.highest:g}, and {_OUTSIDE}"
    return None


def bad_values(column: Column) -> str | None:
    """What is said of a score some of whose values are no probabilities."""
    if not column.outside:
        return None
    worst = column.highest if column.highest > 1 else column.lowest
    return (
        f"{column.outside} of its {column.present} values are {_OUTSIDE}, as {worst:g}: they count as invalid"
    )


def probable(columns: Mapping[str, Column], taken: Collection[str]) -> Iterator[tuple[str, str]]:
    """(column, why) of those that are scores by their name, and not by their values: no feature by accident."""
    for name, column in columns.items():
        if name not in taken and names.plain(name) in names.SCORE and column.present:
            reason = why_no_score(column)
            if reason is not None:
                yield (
                    name,
                    f"by its name it is the score, but {reason}; if it is a feature, say --numeric {name}",
                )

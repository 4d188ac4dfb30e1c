"""Which columns are features, and which of them are numbers; what is left out, with the reason."""

from __future__ import annotations

from collections.abc import Mapping

from driftline.onboarding import names
from driftline.onboarding.facts import MANY, Column
from driftline.onboarding.roles import Roles, Why
from driftline.onboarding.wishes import Wishes

_FREE_TEXT = 1000


def find_features(
    columns: Mapping[str, Column], roles: Roles, wishes: Wishes, nested: tuple[str, ...] | None
) -> tuple[tuple[str, ...], tuple[str, ...], list[Why]]:
    """Names of numeric and of categorical features, and what was left out."""
    numeric: list[str] = []
    categorical: list[str] = []
    left: list[Why] = []
    named = {*(wishes.features or ()), *wishes.categorical, *wishes.numeric}
    for name, column in columns.items():
        if name in roles.taken or (wishes.features is not None and name not in wishes.features):
            continue
        reason = None if name in named else _no_feature(column, nested)
        if reason is not None:
            left.append(("left out", name or '""', reason))
        elif name in wishes.numeric or (name not in wishes.categorical and not _is_category(column)):
            numeric.append(name)
        else:
            categorical.append(name)
    odd = [f"{n} ({columns[n].odd})" for n in numeric if columns[n].odd]
    said = [("numeric features", ", ".join(numeric) or "none", "numbers")]
    said.append(
        (
            "categorical features",
            ", ".join(categorical) or "none",
            "texts, flags, and whole numbers that name things",
        )
    )
    if odd:
        said.append(
            ("not all numbers", ", ".join(odd), "so many of their values are texts: they count as invalid")
        )
    return tuple(numeric), tuple(categorical), [*said, *left]


def _no_feature(column: Column, nested: tuple[str, ...] | None) -> str | None:
    if nested is not None:
        return None if column.name in nested else "not under features"
    if names.plain(column.name) in names.NO_FEATURE:
        return "its name says that it is none"
    if column.present == 0:
        return "it is empty"
    if column.distinct == 0 or (column.distinct <= MANY and not column.numeric and not column.values):
        return "it holds lists or objects"
    if column.unit is not None and (not column.numeric or names.ranked([column.name], names.TIME)):
        return "it holds times"
    if column.growing:
        return "it only grows from row to row, as a clock or a counter does: it would always drift"
    if not column.numeric and column.distinct > max(_FREE_TEXT, column.present // 2):
        return f"{column.distinct} different texts are no category"
    if not column.numeric and column.distinct == column.present > MANY:
        return "no text occurs twice, so it is a name and no category"
    return None


def _is_category(column: Column) -> bool:
    if not column.numeric:
        return True
    if not column.integral or column.distinct > MANY:
        return False
    return (column.distinct <= 2 and column.lowest >= 0 and column.highest <= 1) or names.is_code(column.name)

"""The features of a file as rows of what was guessed and why."""

from __future__ import annotations

from collections.abc import Mapping

from driftline.onboarding.roles import Roles, Why
from driftline.onboarding.wishes import Wishes
from driftline.reference.facts import Column
from driftline.reference.judgement import Judgement, Named, judge


def find_features(
    columns: Mapping[str, Column], roles: Roles, wishes: Wishes, nested: tuple[str, ...] | None
) -> Judgement:
    """The judgement on what has no other meaning."""
    free = {name: column for name, column in columns.items() if name not in roles.taken}
    features = None if wishes.features is None else tuple(n for n in free if n in wishes.features)
    named = Named(features=features, categorical=wishes.categorical, numeric=wishes.numeric, nested=nested)
    return judge(free, named)


def told(found: Judgement) -> list[Why]:
    """What is a feature, what is none, and what wants a look."""
    kinds = "texts, flags, and whole numbers that name things" if found.codes else "texts and flags"
    none = "no column is left for them"
    return [
        ("numeric features", ", ".join(found.numeric) or "none", "numbers" if found.numeric else none),
        (
            "categorical features",
            ", ".join(found.categorical) or "none",
            kinds if found.categorical else none,
        ),
        *(("left out", name or '""', reason) for name, reason in found.left),
        *(("look at", name, doubt) for name, doubt in found.doubts),
    ]

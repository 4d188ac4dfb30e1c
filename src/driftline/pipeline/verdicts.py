"""The verdicts of a rule at an instant, one for each of its instances: those there are, and those to be made."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from driftline.pipeline.instances import Instance
from driftline.rules.resolve import Resolved
from driftline.rules.spec import comparisons
from driftline.rules.verdict import Lookup, Verdict, bindings, judge


def verdicts(
    resolved: Resolved, lookup: Lookup, known: list[Instance], average: str | None
) -> Iterator[tuple[dict[str, str], Verdict, bool]]:
    """(what the instance is about, its verdict, whether ``unless`` holds).

    An instance whose feature, class or segment is no more has too little data.
    """
    spec = resolved.spec
    found = bindings(spec.when, lookup, average)
    there = {frozenset(binding.items()) for binding in found}
    gone = [i.binding for i in known if frozenset(i.binding.items()) not in there]
    for binding in (*found, *gone):
        verdict = judge(spec.when, lookup, binding, average)
        blocked = spec.unless is not None and judge(spec.unless, lookup, binding, average).outcome is True
        yield binding, verdict, blocked


def fits(resolved: Resolved, instance: Instance) -> bool:
    """Whether the rule's patterns still make that instance."""
    patterns: dict[str, list[str]] = {}
    for comparison in comparisons(resolved.spec.when):
        for name, pattern in comparison.globs.items():
            patterns.setdefault(name, []).append(pattern)
    return patterns.keys() == instance.binding.keys() and all(
        any(fnmatchcase(bound, p) for p in patterns[name]) for name, bound in instance.binding.items()
    )

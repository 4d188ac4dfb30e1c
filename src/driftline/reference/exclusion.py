"""``--exclude``: columns that are left out, by name or glob."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from driftline.errors import Problem
from driftline.reference.options import nearest

OPTION = "--exclude"
REASON = f"{OPTION} names it"
_GLOB = frozenset("*?[")


def excluded(patterns: Iterable[str], columns: Collection[str], named: Collection[str]) -> frozenset[str]:
    """The columns that are left out.

    Parameters
    ----------
    patterns
        Names of columns, or globs (``*``, ``?``, ``[ab]``); what is a column's name is no glob.
    named
        Columns that another option names: a glob spares them.
    """
    return frozenset(
        name
        for pattern in patterns
        for name in ([pattern] if pattern in columns else _fitting(pattern, columns))
        if name == pattern or name not in named
    )


def _fitting(pattern: str, columns: Collection[str]) -> Iterator[str]:
    return (name for name in columns if fnmatchcase(name, pattern))


def exclusion_problems(
    patterns: Iterable[str], columns: Collection[str], said: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    """Patterns that no column fits, and names that another option wants. ``said``: columns by option."""
    for pattern in patterns:
        if pattern in columns:
            yield from _wanted(pattern, said)
        elif not any(_fitting(pattern, columns)):
            what = "no column fits" if set(pattern) & _GLOB else "there is no column"
            yield Problem(OPTION, f'{what} "{pattern}"; {nearest(pattern, columns)}')


def _wanted(name: str, said: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    for option, names in said.items():
        if name in names:
            yield Problem(OPTION, f"{name} is named with {option} too; leave it out of one of the two")


def both_lists(features: Collection[str] | None, patterns: Collection[str]) -> Iterator[Problem]:
    """``--features`` has them all already."""
    if features is not None and patterns:
        yield Problem(OPTION, "--features names all features already; leave one of the two options out")

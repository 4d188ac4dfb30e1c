"""The features of a data file, by what its columns hold and by what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from driftline.errors import ConfigError, Problem
from driftline.reference import columns, names
from driftline.reference.exclusion import REASON, both_lists, excluded, exclusion_problems
from driftline.reference.facts import Column, fact_of, kind_of
from driftline.reference.judgement import Judgement, Named, judge
from driftline.reference.options import BuildOptions, problems_of
from driftline.reference.tables import Progress, Table


def choose_features(table: Table, options: BuildOptions, source: str, progress: Progress) -> Judgement:
    """Look at the columns whose meaning is not said.

    Raises
    ------
    ConfigError
        With every name that does not fit, and every named column that can be no feature.
    """
    problems = [*problems_of(options, table.columns), *_wrongly_excluded(table, options)]
    if problems:
        raise ConfigError(problems, source)
    named = Named(
        features=None if options.features is None else tuple(dict.fromkeys(options.features)),
        categorical=options.categorical, numeric=options.numeric, nested=table.features,
    )  # fmt: skip
    if problems := list(_unusable(table, named)):
        raise ConfigError(problems, source)
    out = excluded(options.exclude, table.columns, _named(options))
    candidates = [name for name in _candidates(table, options, named) if name not in out]
    judged = judge(_facts(table, candidates, named, progress), named)
    without = ((name, REASON) for name in table.columns if name in out)
    left = (*_no_feature_too(options, named), *without, *judged.left)
    return replace(judged, left=left, doubts=(*judged.doubts, *_answers(options, judged)))


def _named(options: BuildOptions) -> frozenset[str]:
    return frozenset(name for names in options.said.values() for name in names)


def _wrongly_excluded(table: Table, options: BuildOptions) -> Iterable[Problem]:
    yield from exclusion_problems(options.exclude, table.columns, options.said)
    yield from both_lists(options.features, options.exclude)


def _no_feature_too(options: BuildOptions, named: Named) -> Iterable[tuple[str, str]]:
    """Answers whose kind is named: that alone makes no features of them."""
    for option, name in options.outputs.items():
        if named.features is None and name in named.kinds:
            yield name, f"it is {option}"


def _candidates(table: Table, options: BuildOptions, named: Named) -> Iterable[str]:
    """What may be a feature, in the order of the file."""
    if named.features is not None:
        return named.features
    return (name for name in table.columns if name not in options.outputs.values())


def _answers(options: BuildOptions, judged: Judgement) -> Iterable[tuple[str, str]]:
    """Features that have another meaning, or by their name should have one."""
    features = (*judged.numeric, *judged.categorical)
    for option, name in options.outputs.items():
        if name in features:
            yield name, f"it is {option} and a feature; events must carry it as both"
    if options.features is None:
        for option, likely in _likely_answers(features).items():
            if option not in options.outputs and likely:
                yield likely[0], f"by its name it may be no feature; if it is none, say {option} {likely[0]}"


def _likely_answers(features: Sequence[str]) -> dict[str, list[str]]:
    """By option, the features whose names are those of answers; a label's name may be part of any other."""
    return {
        "--prediction": names.ranked(features, names.PREDICTION),
        "--score": names.ranked(features, names.SCORE),
        "--label": [name for name in features if names.plain(name) in names.LABEL],
    }


def _facts(table: Table, candidates: list[str], named: Named, progress: Progress) -> dict[str, Column]:
    """Facts of what is judged; where all features are named, little is asked, and nothing of a kind that is said."""
    found = {}
    for done, name in enumerate(candidates):
        if named.features is None or name not in named.kinds:
            progress(f"looking at {name}", done, len(candidates))
            brief = named.features is not None and not names.is_code(name)
            found[name] = kind_of(table, name) if brief else fact_of(table, name)
    return found


def _unusable(table: Table, named: Named) -> Iterable[Problem]:
    """Features whose type is neither numbers nor categories."""
    for name in named.features or ():
        if name not in named.kinds and table.text is None and not _has_kind(table, name):
            yield Problem(
                "--features", f"{name}, of type {table.columns[name]}, is neither numbers nor categories"
            )


def _has_kind(table: Table, name: str) -> bool:
    return columns.is_numeric(table, name) or columns.is_categorical(table, name)

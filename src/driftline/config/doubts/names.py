"""Names in rules that nothing has: features, classes, segments and versions, by the references that are there.

Where there is no reference yet, nothing is known, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase

from driftline.config.doubts.references import Found
from driftline.config.messages import unknown
from driftline.reference.profile import CategoricalProfile, Profile
from driftline.rules.catalogue import STATISTICS
from driftline.rules.spec import Comparison
from driftline.settings import OTHER, ModelSettings, WindowKind

_GLOB = set("*?[")
_NUMERIC = frozenset(
    ("psi_deciles", "ks", "ks_high", "ks_pvalue", "wasserstein", "mean", "std", "out_of_range_ratio")
)
_CATEGORICAL = frozenset(("chi2", "chi2_pvalue", "unseen_ratio"))


def unknown_name(comparison: Comparison, model: ModelSettings, found: Found) -> str | None:
    """Why a comparison is never judged: it names what the model cannot have."""
    return (
        _segment(comparison, model, found) or _closed_class(comparison, model) or _feature(comparison, found)
    )


def name_doubts(comparison: Comparison, model: ModelSettings, found: Found) -> Iterator[str]:
    """Names without effect by what is known today, and more of them than there are."""
    classes = _classes(model, found)
    if comparison.class_ and model.classes is None and classes and not _fits(comparison.class_, classes):
        yield f'no reference of {model.match} has a class "{comparison.class_}"; {unknown(comparison.class_, classes)}'
    features = sorted({name for p in found.profiles for name in _features(p)})
    for name, _ in comparison.per_feature:
        if features and not _fits(name, features):
            yield f'per_feature: no reference of {model.match} has a feature "{name}"; {unknown(name, features)}'
    wanted, most = comparison.at_least or 0, _most(comparison, model, found)
    if most is not None and most < wanted:
        yield f"at_least: {wanted} can never be reached: {model.match} has only {most}"


def versions_doubts(versions: Iterable[str], metrics: Iterable[str], found: Found) -> Iterator[str]:
    """Versions that a rule on drift waits for, and that no reference is of."""
    known = sorted({p.version for p in found.profiles})
    if not known or all(STATISTICS[m].kind is not WindowKind.DRIFT for m in metrics):
        return
    for version in versions:
        if not _fits(version, known):
            yield f'no reference is of a version "{version}" yet; {unknown(version, known)}'


def _fits(name: str, known: Iterable[str]) -> bool:
    return any(fnmatchcase(k, name) if set(name) & _GLOB else k == name for k in known)


def _segment(comparison: Comparison, model: ModelSettings, found: Found) -> str | None:
    if comparison.segment is None:
        return None
    key, value = comparison.segment
    if key not in model.segments:
        hint = f"; {unknown(key, model.segments)}" if model.segments else ""
        return f'it has no segment "{key}"{hint}'
    values = _segment_values(key, model, found)
    if values and not _fits(value, values):
        return f'segment "{key}" has no value "{value}", so it counts as {OTHER}; {unknown(value, values)}'
    return None


def _segment_values(key: str, model: ModelSettings, found: Found) -> list[str]:
    """The values that are told apart, and what the rest is counted as; empty where they are not known."""
    of_feature = {v for p in found.profiles for c in p.categorical if c.name == key for v in c.categories}
    values = model.segment_values.get(key) or sorted(of_feature)
    return [*values, OTHER] if values else []


def _closed_class(comparison: Comparison, model: ModelSettings) -> str | None:
    name, known = comparison.class_, _declared(model)
    if name is None or not known or _fits(name, known):
        return None
    return f'it has no class "{name}"; {unknown(name, known)}'


def _declared(model: ModelSettings) -> list[str]:
    if model.classes is None:
        return []
    return list(dict.fromkeys((*model.classes, *([model.positive] if model.positive else []))))


def _classes(model: ModelSettings, found: Found) -> list[str]:
    """Those that are declared, else those of the references, to which events may add."""
    columns = (column for p in found.profiles for column in (p.label, p.predicted))
    learned = {c for column in columns if isinstance(column, CategoricalProfile) for c in column.categories}
    return _declared(model) or sorted(learned | ({model.positive} if learned and model.positive else set()))


def _features(profile: Profile) -> dict[str, bool]:
    """Name: whether it is numeric."""
    return {**{c.name: True for c in profile.numeric}, **{c.name: False for c in profile.categorical}}


def _feature(comparison: Comparison, found: Found) -> str | None:
    features = {name: numeric for p in found.profiles for name, numeric in _features(p).items()}
    name = comparison.feature
    if name is None or not found.profiles:
        return None
    if not features:
        return "its references are of answers alone, without any feature"
    if not _fits(name, features):
        return f'no reference has a feature "{name}"; {unknown(name, sorted(features))}'
    if not _of_a_kind(comparison, features):
        kind, other = _KINDS[comparison.metric in _NUMERIC]
        return (
            f'it is of {kind} features, and "{name}" is {other}; write psi or js_distance, which are of both'
        )
    return None


_KINDS = {True: ("numeric", "categorical"), False: ("categorical", "numeric")}


def _of_a_kind(comparison: Comparison, features: dict[str, bool]) -> Collection[str]:
    """The features that a comparison is about and that have its statistic."""
    metric, name = comparison.metric, comparison.feature or ""
    without = {True: _CATEGORICAL, False: _NUMERIC}
    return [f for f, numeric in features.items() if metric not in without[numeric] and _fits(name, [f])]


def _most(comparison: Comparison, model: ModelSettings, found: Found) -> int | None:
    """How many instances of what a glob names there can be; None where that is open."""
    if comparison.feature is not None and set(comparison.feature) & _GLOB:
        return max((len(_of_a_kind(comparison, _features(p))) for p in found.profiles), default=None)
    if comparison.segment is not None and set(comparison.segment[1]) & _GLOB:
        values = _segment_values(comparison.segment[0], model, found)
        return sum(_fits(comparison.segment[1], [v]) for v in values) if values else None
    if comparison.class_ is not None and set(comparison.class_) & _GLOB and model.classes is not None:
        return sum(_fits(comparison.class_, [c]) for c in _declared(model))
    return None

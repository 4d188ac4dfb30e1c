"""References that are not there, cannot be used, or are of something else."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from driftline.config.messages import Place
from driftline.errors import DataError
from driftline.reference.file import load
from driftline.reference.profile import Profile
from driftline.rules.spec import RuleSpec
from driftline.settings import ModelSettings

Doubt = tuple[Place, str]


@dataclass(frozen=True, slots=True)
class Found:
    """The references that the models of an entry will find, and those that cannot be used."""

    pattern: str = ""
    profiles: tuple[Profile, ...] = ()
    damaged: tuple[str, ...] = ()


def of_rule(rule: RuleSpec, model: ModelSettings, found: Found) -> Found:
    """Those of an entry that a rule is about: a glob's path may fit the references of other models too."""
    mine = (p for p in found.profiles if fnmatchcase(p.model, model.match))
    kept = tuple(p for p in mine if any(fnmatchcase(p.model, glob) for glob in rule.models))
    return replace(found, profiles=kept)


def find(model: ModelSettings) -> Found:
    """Reads every reference whose path the entry's pattern fits."""
    if model.references is None:
        return Found()
    parts = model.references.replace("{version}", "{model}").split("{model}")
    exact = not set(model.match) & set("*?[")
    plain = model.references.replace("{model}", model.match if exact else "{model}")
    pattern = _pattern(plain) if exact else "*".join(glob.escape(p) for p in parts)
    profiles, damaged = [], []
    for path in sorted(glob.glob(pattern)):  # noqa: PTH207 - the pattern is absolute
        try:
            profiles.append(load(Path(path)))
        except DataError as error:
            damaged.append(str(error))
    return Found(plain, tuple(profiles), tuple(damaged))


def _pattern(path: str) -> str:
    return "*".join(glob.escape(part) for part in path.split("{version}"))


def reference_doubts(model: ModelSettings, found: Found, place: Place) -> Iterator[Doubt]:
    """For an exact name a reference is expected; those that are there are of this task and class."""
    here = (*place, "references")
    exact = not set(model.match) & set("*?[")
    if model.references is not None and exact and not found.profiles and not found.damaged:
        yield (
            here,
            f"there is no file {found.pattern} yet, so there is no drift; see driftline reference build",
        )
    for message in found.damaged:
        yield here, message
    for profile in found.profiles:
        yield from _differences(model, profile, place)


def _differences(model: ModelSettings, profile: Profile, place: Place) -> Iterator[Doubt]:
    of = f"the reference of {profile.model}/{profile.version}"
    if profile.task is not None and profile.task is not model.task:
        yield (*place, "task"), f"{of} is of a {profile.task} model, not of a {model.task} one"
    elif model.positive is not None and profile.positive not in (None, model.positive):
        yield (
            (*place, "positive"),
            f'{of} has the positive class "{profile.positive}", not "{model.positive}"',
        )
    elif profile.threshold is not None and profile.threshold != model.threshold:
        yield (
            (*place, "threshold"),
            (
                f"{of} was measured with the threshold {profile.threshold}, and scores of events are read with "
                f"{model.threshold}, so their performance differs from the start; write threshold: "
                f"{profile.threshold}, or build the reference with --threshold {model.threshold}"
            ),
        )

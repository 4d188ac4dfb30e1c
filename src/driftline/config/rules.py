"""The rules of a configuration: those in place, then those of ``rule_files``; without either, the default ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from driftline.config.default_rules import default_rules
from driftline.config.messages import Origins, Place
from driftline.config.sources import lists_of
from driftline.errors import Problem
from driftline.rules.parse import parse_rules
from driftline.rules.spec import RuleSpec
from driftline.settings import ModelSettings


@dataclass(slots=True)
class Rules:
    """All rules, all mistakes in them, and where each stands."""

    origins: Origins
    specs: list[RuleSpec] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    places: dict[tuple[str, str], Place] = field(default_factory=dict)
    remarks: list[tuple[Place, str]] = field(default_factory=list)
    are_defaults: bool = False


def read_rules(
    raw: Mapping[str, Any], folder: Path, models: Iterable[ModelSettings], origins: Origins
) -> Rules:
    """All rules and all mistakes in them; a name stands once over all files."""
    found = Rules(origins)
    if raw.get("rules") is None and raw.get("rule_files") is None:
        found.are_defaults = True
        _add(found, "default rules", default_rules(models))
        return found
    for listed in lists_of("rules", raw, folder):
        found.origins = found.origins.with_file(listed.lines, "rules", listed.place)
        found.problems += [found.origins.problem(*mistake) for mistake in listed.mistakes]
        found.remarks += listed.remarks
        _add(found, listed.place, listed.entries)
    return found


def _add(found: Rules, place: str, entries: list[Any]) -> None:
    if not entries:
        return
    parsed, mistakes = parse_rules(entries, place)
    found.problems += [found.origins.located(p) for p in mistakes]
    numbers = {
        e["name"]: i for i, e in reversed(list(enumerate(entries))) if isinstance(e, dict) and _named(e)
    }
    for spec in parsed:
        here: Place = (place, numbers[spec.name])
        first = found.places.setdefault(("rule", spec.name), here)
        if first[0] != place:
            message = f'"{spec.name}" is the name of {first[0]}[{first[1]}] already; names are unique'
            found.problems.append(found.origins.problem((*here, "name"), message))
        found.specs.append(spec)


def _named(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("name"), str)

"""The rules of a configuration: those in place, then those of ``rule_files`` in the files' order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftline.config.messages import Place, located, shown, unknown_key
from driftline.config.sources import read_yaml
from driftline.errors import ConfigError, Problem

if TYPE_CHECKING:
    from driftline.rules.spec import RuleSpec


_List = tuple[str, list[Any], list[Problem], Mapping[Place, int]]
"""A list of rules: the name of its place, the rules, mistakes around it, its file's lines."""


def read_rules(
    raw: Mapping[str, Any], folder: Path, lines: Mapping[Place, int]
) -> tuple[tuple[RuleSpec, ...], list[Problem]]:
    """All rules and all mistakes in them; a name stands once over all files."""
    specs: list[RuleSpec] = []
    problems: list[Problem] = []
    owner: dict[str, str] = {}
    for place, rules, found, where in _lists(raw, folder, lines):
        prefix = place.removesuffix("rules")
        problems += [located(p, where, prefix) for p in found]
        if not rules:
            continue
        from driftline.rules.parse import parse_rules

        parsed, mistakes = parse_rules(rules, place)
        problems += [located(p, where, prefix) for p in mistakes]
        for spec in parsed:
            if owner.get(spec.name, place) != place:
                problems.append(Problem(place, f'a rule "{spec.name}" stands in {owner[spec.name]} already'))
            owner.setdefault(spec.name, place)
            specs.append(spec)
    return tuple(specs), problems


def _lists(raw: Mapping[str, Any], folder: Path, lines: Mapping[Place, int]) -> Iterator[_List]:
    yield "rules", *_list(raw.get("rules"), "rules"), lines
    patterns, problems = _list(raw.get("rule_files"), "rule_files")
    yield "rule_files", [], problems, lines
    for index, pattern in enumerate(patterns):
        place = f"rule_files[{index}]"
        if not isinstance(pattern, str):
            yield place, [], [Problem(place, f"found {shown(pattern)}; write a path")], lines
            continue
        files = _matching(folder, pattern)
        if not files and not any(sign in pattern for sign in "*?["):
            yield place, [], [Problem(place, f"there is no file {shown(pattern)}")], lines
        for path in files:
            yield _file(path)


def _list(raw: Any, place: str) -> tuple[list[Any], list[Problem]]:
    if raw is None:
        return [], []
    if isinstance(raw, list):
        return raw, []
    return [], [Problem(place, f"found {shown(raw)}; write a list ([a, b])")]


def _matching(folder: Path, pattern: str) -> list[Path]:
    full = folder / pattern
    return sorted(Path(full.anchor).glob(str(full.relative_to(full.anchor))))


def _file(path: Path) -> _List:
    place = f"{path.name}: rules"
    try:
        content, lines = read_yaml(path)
    except ConfigError as error:
        return place, [], [Problem(f"{path.name}: {p.path}", p.message) for p in error.problems], {}
    problems = [
        Problem(f"{path.name}: {k}", unknown_key(str(k), ("rules",))) for k in content if k != "rules"
    ]
    rules, found = _list(content.get("rules"), place)
    return place, rules, problems + found, lines

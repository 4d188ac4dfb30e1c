"""YAML files with the line of each key; other files by name or glob."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from driftline.config.messages import Place, place_text, shown, unknown_key
from driftline.errors import ConfigError, Problem


class Loader(yaml.SafeLoader):
    """YAML without its timestamps: an instant stays the text that was written."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:timestamp"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


_UNREADABLE = (yaml.YAMLError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the parser raises at text that is not YAML, or has a tag that does not fit its value."""


MOST_BYTES = 16 << 20
"""Of a file."""


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Place, int]]:
    """The mapping in a file, and the line of each of its keys.

    Raises
    ------
    ConfigError
        No such file, no YAML, a key given twice, or no mapping at the top.
    """
    try:
        loader = Loader(_text(path))
        node = loader.get_single_node()
        content = None if node is None else loader.construct_document(node)
    except OSError as error:
        raise ConfigError([Problem("", f"{path} cannot be read: {error.strerror}")], str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem("", f"{path} is not UTF-8")], str(path)) from error
    except _UNREADABLE as error:
        # What was read up to the mistake may be a secret, so the parser's own error is not chained.
        raise ConfigError([Problem("", f"{path} is not YAML: {_yaml_reason(error)}")], str(path)) from None
    if not isinstance(content, dict):
        raise ConfigError([Problem("", f"{path} holds {shown(content)}; write a mapping")], str(path))
    walk = _Walk()
    walk.into(node, ())
    if walk.problems:
        raise ConfigError(walk.problems, str(path))
    return content, walk.lines


def _text(path: Path) -> str:
    """A file's text; a device has no end, and what is larger than any configuration is none."""
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ConfigError(
            [Problem("", f"{path} holds over {MOST_BYTES >> 20} MiB; that is no configuration")], str(path)
        )
    return data.decode("utf-8-sig")


_REMEDIES = (
    (r"alias|anchor|tag", None),
    (r"character '\\t'", "a tab begins the line; write spaces"),
    (r"character '[%@`]'", None),
    (r"unexpected end of stream", "a quote is opened and not closed"),
    (
        r"mapping values are not allowed",
        "a key cannot stand here: see the indentation, the space after each colon, and quotes around texts with colons",
    ),
    (
        r"expected <block end>",
        "the indentation fits no key above; write the keys of one mapping below each other",
    ),
    (r"could not find expected ':'", "a key has no colon, or a space is missing after it"),
    (
        r"expected ',' or '[}\]]'|found '<stream end>'",
        "a bracket is opened and not closed, or a comma is missing",
    ),
    (r"found another document", "a second document begins; write one, without ---"),
)
"""What the parser says: what is meant by it. None: a sign that has a meaning in YAML."""
_IN_QUOTES = "a value that begins with *, &, !, %, @ or ` stands in quotes"


def _yaml_reason(error: Exception) -> str:
    """The parser's reason with its place, and what is meant; without what it quotes, which may be a secret."""
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or type(error).__name__
    said = f"{getattr(error, 'context', None) or ''} {reason}"
    for pattern, remedy in _REMEDIES:
        if re.search(pattern, said):
            reason = remedy or _IN_QUOTES
            break
    return f"{reason} (line {mark.line + 1}, column {mark.column + 1})" if mark else reason


MOST_NODES = 200_000
"""Keys and values of a file, with its aliases written out."""


@dataclass(slots=True)
class _Walk:
    """Over everything of a file: the line of each place, and what no later step could read."""

    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0
    open: set[int] = field(default_factory=set)
    """Those that contain the one at hand."""

    def into(self, node: Any, place: Place) -> None:
        """Note what is below a node, as often as aliases say."""
        self.nodes += 1
        if id(node) in self.open:
            self.problems.append(Problem(place_text(place), "an alias (*) stands inside its own anchor (&)"))
        elif self.nodes == MOST_NODES:
            self.problems.append(
                Problem(
                    "", f"over {MOST_NODES} values, with aliases written out; write fewer aliases of aliases"
                )
            )
        elif self.nodes < MOST_NODES:
            self.open.add(id(node))
            self._inside(node, place)
            self.open.discard(id(node))

    def _inside(self, node: Any, place: Place) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._note((*place, str(key.value)), key.start_mark.line + 1)
                self._check_text(key, place)
                self.into(value, (*place, str(key.value)))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.lines[*place, index] = value.start_mark.line + 1
                self.into(value, (*place, index))
        else:
            self._check_text(node, place)

    def _note(self, place: Place, line: int) -> None:
        if place in self.lines:
            self.problems.append(
                Problem(place_text(place), f"stands twice (lines {self.lines[place]} and {line})")
            )
        self.lines[place] = line

    def _check_text(self, node: Any, place: Place) -> None:
        r"""``"\ud800"`` is no character: no file, no topic and no output can hold it."""
        if isinstance(node, yaml.ScalarNode) and any("\ud800" <= c <= "\udfff" for c in node.value):
            where = f"line {node.start_mark.line + 1}"
            self.problems.append(
                Problem(place_text(place), f"holds half a character, a lone surrogate ({where})")
            )


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of entries, in place or in a file of its own."""

    place: str
    """How the list is called in messages: ``rules``, or ``teams/a.yaml: rules``."""
    entries: list[Any] = field(default_factory=list)
    mistakes: list[tuple[Place, str]] = field(default_factory=list)
    lines: Mapping[Place, int] = field(default_factory=dict)
    """Of its file; empty for the configuration's own."""
    remarks: list[tuple[Place, str]] = field(default_factory=list)
    """What is right and surely not meant."""


def lists_of(key: str, raw: Mapping[str, Any], folder: Path) -> Iterator[Listed]:
    """The list under ``rules`` or ``models``, then those of ``rule_files`` or ``model_files``, in order."""
    yield _list(raw.get(key), key)
    where = f"{key.removesuffix('s')}_files"
    patterns = _list(raw.get(where), where)
    yield Listed(where, mistakes=patterns.mistakes)
    for index, pattern in enumerate(patterns.entries):
        place: Place = (where, index)
        if not isinstance(pattern, str):
            yield Listed(where, mistakes=[(place, f"found {shown(pattern)}; write a path")])
            continue
        files = _matching(folder, pattern)
        if not files:
            yield _nothing(where, place, pattern, folder)
        for path in files:
            yield _file(path, key, folder)


def _nothing(where: str, place: Place, pattern: str, folder: Path) -> Listed:
    """A file that is not there is a mistake; a pattern may be ahead of its files."""
    if not any(sign in pattern for sign in "*?["):
        return Listed(where, mistakes=[(place, f"there is no file {shown(pattern)}")])
    others = (str(Path(pattern).with_suffix(ending)) for ending in (".yaml", ".yml"))
    near = next((other for other in others if _matching(folder, other)), None)
    hint = f'; did you mean "{near}"?' if near else ", so nothing is read from there"
    return Listed(where, remarks=[(place, f"no file matches {shown(pattern)}{hint}")])


def _list(raw: Any, place: str) -> Listed:
    if raw is None or isinstance(raw, list):
        return Listed(place, raw or [])
    return Listed(place, mistakes=[((place,), f"found {shown(raw)}; write a list ([a, b])")])


def _matching(folder: Path, pattern: str) -> list[Path]:
    full = folder / pattern
    return sorted(p for p in Path(full.anchor).glob(str(full.relative_to(full.anchor))) if p.is_file())


def _file(path: Path, key: str, folder: Path) -> Listed:
    name = str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
    place = f"{name}: {key}"
    try:
        content, lines = read_yaml(path)
    except ConfigError as error:
        found: list[tuple[Place, str]] = [
            ((f"{name}: {p.path}",) if p.path else (), p.message) for p in error.problems
        ]
        return Listed(place, mistakes=found)
    mistakes = [((f"{name}: {k}",), unknown_key(str(k), (key,))) for k in content if k != key]
    inner = _list(content.get(key), place)
    return Listed(place, inner.entries, mistakes + inner.mistakes, lines)

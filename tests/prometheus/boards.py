"""The committed dashboards as data: panels, queries, and what variables stand for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "grafana"
BOARDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
PANELS = [
    (name, panel) for name, board in BOARDS.items() for panel in board["panels"] if panel["type"] != "row"
]
_VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)")
_NOT_A_METRIC = re.compile(
    r'"[^"]*"|(?:by|without|on|ignoring|group_left|group_right) ?\([^()]*\)|\[[^\]]*\]'
)


def queries(board: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(what it is for, PromQL) of every panel and annotation."""
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for annotation in board["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


def variables(text: str) -> set[str]:
    """Names of the variables that a text uses."""
    return {braced or plain for braced, plain in _VARIABLE.findall(text)}


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables' values; KeyError for one that has none."""
    return _VARIABLE.sub(lambda m: values[m[1] or m[2]], text)


def metrics(expr: str) -> set[str]:
    """Names of metrics in a query whose variables are filled in: what has a prefix, outside of label lists."""
    return set(re.findall(r"\b(?:driftline|process|scrape|up|node|kafka)_\w+", _NOT_A_METRIC.sub(" ", expr)))

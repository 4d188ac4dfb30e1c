"""A dashboard as rows of panels: positions are computed, so panels never overlap."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

WIDTH = 24
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")


@dataclass(frozen=True)
class Row:
    """A heading, and lines of panels: (height, panels with their widths)."""

    title: str
    lines: Sequence[tuple[int, Sequence[tuple[int, Any]]]]


@dataclass(frozen=True)
class Annotations:
    """Marks on every panel: where an expression has a value."""

    name: str
    expr: str
    title: str
    text: str
    color: str


@dataclass(frozen=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    variables: Sequence[Any]
    annotations: Sequence[Annotations] = ()
    since: str = "now-24h"
    links: Sequence[Any] = field(default_factory=list)

    @property
    def panels(self) -> list[Any]:
        """All panels, without the headings."""
        return [panel for row in self.rows for _height, line in row.lines for _width, panel in line]

    def build(self) -> dict[str, Any]:
        """The dashboard as Grafana's JSON."""
        board = (
            builders.Dashboard(self.title)
            .uid(self.uid)
            .description(self.description)
            .tags(["driftline"])
            .timezone("browser")
            .time(self.since, "now")
            .refresh("30s")
            .tooltip(models.DashboardCursorSync.CROSSHAIR)
            .variables([source_variable(), *self.variables])
            .links([_links(), *self.links])
        )
        raw = json.loads(json.dumps(board.build(), cls=JSONEncoder))
        raw["panels"] = list(_placed(self.rows))
        raw["annotations"] = {"list": [_annotation(a) for a in self.annotations]}
        return raw  # type: ignore[no-any-return]


def source_variable() -> Any:
    """Which Prometheus."""
    return builders.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _links() -> Any:
    return (
        builders.DashboardLink("driftline dashboards")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags(["driftline"])
        .as_dropdown(False)
        .include_vars(True)
        .keep_time(True)
    )


def _placed(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Panels with ids and positions; each row's heading spans the width."""
    y, number = 0, 1
    for row in rows:
        heading = builders.Row(row.title).id(number).grid_pos(models.GridPos(x=0, y=y, w=WIDTH, h=1))
        yield json.loads(json.dumps(heading.build(), cls=JSONEncoder))
        y, number = y + 1, number + 1
        for height, line in row.lines:
            x = 0
            for width, panel in line:
                place = models.GridPos(x=x, y=y, w=width, h=height)
                panel.id(number).grid_pos(place).datasource(SOURCE)
                yield json.loads(json.dumps(panel.build(), cls=JSONEncoder))
                x, number = x + width, number + 1
            y += height


def _annotation(of: Annotations) -> dict[str, Any]:
    """The Prometheus data source's own fields are not in the builders."""
    query = (
        builders.AnnotationQuery()
        .name(of.name)
        .datasource(SOURCE)
        .enable(True)
        .icon_color(of.color)
        .expr(of.expr)
    )
    raw = json.loads(json.dumps(query.build(), cls=JSONEncoder))
    return {**raw, "titleFormat": of.title, "textFormat": of.text, "step": "60s"}


def query_variable(name: str, label: str, query: str, *, multi: bool = False) -> Any:
    """A variable whose values Prometheus knows; of several, all at first."""
    variable = (
        builders.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": query, "refId": name})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.NATURAL_ASC)
    )
    if multi:
        variable = variable.multi(True).include_all(True).all_value(".*")
        variable = variable.current(models.VariableOption(text="All", value="$__all", selected=True))
    return variable


def choice_variable(name: str, label: str, choices: dict[str, str]) -> Any:
    """A variable with fixed values by their text; the first at first."""
    first = next(iter(choices))
    options = [
        models.VariableOption(text=text, value=value, selected=text == first)
        for text, value in choices.items()
    ]
    return (
        builders.CustomVariable(name)
        .label(label)
        .values(", ".join(f"{text} : {value}" for text, value in choices.items()))
        .options(options)
        .current(options[0])
    )

"""The kinds of panels, as plain as they can be read: what is asked, in which unit, and what it means."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heat
from grafana_foundation_sdk.models import prometheus as prom

GREEN, YELLOW, ORANGE, RED, BLUE, GREY = "green", "yellow", "orange", "red", "blue", "text"
Steps = tuple[tuple[float, str], ...]
PSI_STEPS: Steps = ((0.1, YELLOW), (0.25, RED))
"""The rule of thumb: below 0.1 little, above 0.25 much."""


def ask(expr: str, legend: str = "", ref: str = "A", *, instant: bool = False) -> Any:
    """A query; ``instant``: now only, as a table."""
    query = prometheus.Dataquery().expr(expr).ref_id(ref).legend_format(legend)
    return query.instant().format(prom.PromQueryFormat.TABLE) if instant else query.range()


def steps(of: Steps, base: str = GREEN) -> Any:
    """Colours from values on."""
    found = [models.Threshold(value=None, color=base), *(models.Threshold(value=v, color=c) for v, c in of)]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(found)


def words(texts: dict[str, tuple[str, str]]) -> list[Any]:
    """Values as words with colours."""
    options = {
        value: models.ValueMappingResult(text=text, color=color, index=index)
        for index, (value, (text, color)) in enumerate(texts.items())
    }
    return [models.ValueMap(options=options)]


def number(
    title: str, text: str, expr: str, unit: str, limits: Steps = (), base: str = GREEN, **more: Any
) -> Any:
    """One big number, now."""
    panel = (
        stat.Panel()
        .title(title)
        .description(text)
        .unit(unit)
        .thresholds(steps(limits, base))
        .with_target(
            prometheus.Dataquery().expr(expr).ref_id("A").instant().legend_format(more.get("legend", ""))
        )
        .color_mode(looks.BigValueColorMode.VALUE)
        .graph_mode(looks.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    if "decimals" in more:
        panel = panel.decimals(more["decimals"])
    if "texts" in more:
        panel = panel.mappings(words(more["texts"]))
    if "legend" in more:
        panel = panel.text_mode(more.get("text_mode", looks.BigValueTextMode.VALUE_AND_NAME))
    return panel.no_value(more.get("no_value", "–"))


def lines(title: str, text: str, queries: list[tuple[str, str]], unit: str, **more: Any) -> Any:
    """Series over time."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(text)
        .unit(unit)
        .line_width(1)
        .fill_opacity(more.get("fill", 0))
        .show_points(looks.VisibilityMode.NEVER)
        .span_nulls(more.get("span_nulls", False))
        .tooltip(
            common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI).sort(looks.SortOrder.DESCENDING)
        )
        .legend(_legend(more.get("legend_table", False)))
    )
    for place, (expr, legend) in enumerate(queries):
        panel = panel.with_target(ask(expr, legend, chr(ord("A") + place)))
    for name, value in more.items():
        if name in ("min", "max", "decimals"):
            panel = getattr(panel, name)(value)
    if more.get("stacked"):
        panel = panel.stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL)).fill_opacity(40)
    if more.get("bars"):
        panel = panel.draw_style(looks.GraphDrawStyle.BARS)
    if more.get("log"):
        panel = panel.scale_distribution(
            common.ScaleDistributionConfig().type(looks.ScaleDistribution.LOG).log(10)
        )
    if "limits" in more:
        style = common.GraphThresholdsStyleConfig().mode(looks.GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds(steps(more["limits"], "transparent")).thresholds_style(style)
    return panel


def _legend(as_table: bool) -> Any:
    legend = common.VizLegendOptions().show_legend(True).placement(looks.LegendPlacement.BOTTOM)
    if not as_table:
        return legend.display_mode(looks.LegendDisplayMode.LIST)
    return legend.display_mode(looks.LegendDisplayMode.TABLE).calcs(["lastNotNull", "max"])


def band(panel: Any, low: str, high: str) -> Any:
    """Fills between two series of a panel, and draws them thinly."""
    quiet = [_set("custom.lineWidth", 0), _set("color", {"mode": "fixed", "fixedColor": BLUE})]
    panel = panel.override_by_name(low, quiet)
    return panel.override_by_name(
        high, [*quiet, _set("custom.fillBelowTo", low), _set("custom.fillOpacity", 18)]
    )


def dashed(panel: Any, name: str, color: str) -> Any:
    """A limit: dashed, in a colour of its own."""
    style = {"fill": "dash", "dash": [8, 8]}
    return panel.override_by_name(
        name, [_set("custom.lineStyle", style), _set("color", {"mode": "fixed", "fixedColor": color})]
    )


def coloured(panel: Any, name: str, color: str, width: int) -> Any:
    """A series in a colour of its own."""
    return panel.override_by_name(
        name, [_set("color", {"mode": "fixed", "fixedColor": color}), _set("custom.lineWidth", width)]
    )


def _set(name: str, value: Any) -> Any:
    return models.DynamicConfigValue(id_val=name, value=value)


def bars(
    title: str, text: str, expr: str, legend: str, unit: str, limits: Steps, base: str = GREEN, **more: Any
) -> Any:
    """The largest few, now, as bars."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(text)
        .unit(unit)
        .decimals(more.get("decimals", 2))
        .min(0)
        .thresholds(steps(limits, base))
        .orientation(looks.VizOrientation.HORIZONTAL)
        .display_mode(looks.BarGaugeDisplayMode.BASIC)
        .value_mode(looks.BarGaugeValueMode.COLOR)
        .with_target(prometheus.Dataquery().expr(expr).ref_id("A").instant().legend_format(legend))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return panel.max(more["max"]) if "max" in more else panel


def heat_map(title: str, text: str, expr: str, legend: str, unit: str, what: str, top: float) -> Any:
    """A row a series, a colour a value, from 0 to ``top``."""
    color = (
        heatmap.HeatmapColorOptions()
        .mode(heat.HeatmapColorMode.SCHEME)
        .scheme("RdYlGn")  # Grafana turns it around: green is low
        .steps(64)
        .min(0)
        .max(top)
        .scale(heat.HeatmapColorScale.LINEAR)
        .reverse(False)
    )
    return (
        heatmap.Panel()
        .title(title)
        .description(text)
        .unit(unit)
        .calculate(False)
        .color(color)
        .rows_frame(heatmap.RowsHeatmapOptions().layout(looks.HeatmapCellLayout.AUTO).value(what))
        .cell_values(heatmap.CellValues().unit(unit).decimals(3))
        .filter_values(heatmap.FilterValueRange().le(-1))  # 0 is a value; no cell is no data
        .cell_gap(1)
        .y_axis(heatmap.YAxisConfig().axis_placement(looks.AxisPlacement.LEFT).reverse(False))
        .show_legend()
        .mode(looks.TooltipDisplayMode.SINGLE)
        .with_target(ask(expr, legend))
    )


def states(title: str, text: str, expr: str, legend: str, texts: dict[str, tuple[str, str]]) -> Any:
    """States over time, in words."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(text)
        .unit("none")
        .mappings(words(texts))
        .thresholds(steps((), GREY))
        .color_scheme(builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
        .show_value(looks.VisibilityMode.NEVER)
        .merge_values(True)
        .row_height(0.8)
        .line_width(0)
        .fill_opacity(80)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(looks.LegendDisplayMode.LIST)
            .placement(looks.LegendPlacement.BOTTOM)
        )
        .with_target(ask(expr, legend))
    )


Column = tuple[str, str, str, list[Any]]
"""(heading, expression, unit, further properties)."""


def listing(
    title: str, text: str, keys: dict[str, str], columns: list[Column], sort_by: str, links: dict[str, str]
) -> Any:
    """A table: rows by keys (label → heading), a column a query; ``links`` by heading."""
    panel = (
        table.Panel()
        .title(title)
        .description(text)
        .unit("none")
        .filterable(True)
        .sort_by([common.TableSortByFieldState().display_name(sort_by).desc(True)])
        .cell_height(looks.TableCellHeight.SM)
    )
    refs = {chr(ord("A") + place): column for place, column in enumerate(columns)}
    for ref, (_heading, expr, _unit, _more) in refs.items():
        panel = panel.with_target(ask(expr, ref=ref, instant=True))
    names = {f"Value #{ref}": heading for ref, (heading, *_rest) in refs.items()} | keys
    order = {name: place for place, name in enumerate([*keys, *(f"Value #{ref}" for ref in refs)])}
    panel = panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    unasked = {name: True for name in ("Time", "job", "model") if name not in keys}
    organize = {"excludeByName": unasked, "indexByName": order, "renameByName": names}
    panel = panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=organize))
    for heading, _expr, unit, more in columns:
        panel = panel.override_by_name(heading, [_set("unit", unit), *more])
    for heading, url in links.items():
        link = [{"title": "Open the model", "url": url, "targetBlank": False}]
        panel = panel.override_by_name(heading, [_set("links", link)])
    return panel


def painted(limits: Steps, base: str = GREEN) -> list[Any]:
    """A column whose text has its value's colour."""
    return [
        _set("custom.cellOptions", {"type": "color-text"}),
        _set(
            "thresholds",
            {
                "mode": "absolute",
                "steps": [{"value": None, "color": base}, *({"value": v, "color": c} for v, c in limits)],
            },
        ),
    ]


def decimals(places: int) -> list[Any]:
    """A column with so many digits after the point."""
    return [_set("decimals", places)]


def told(texts: dict[str, tuple[str, str]]) -> list[Any]:
    """A column whose numbers are words."""
    options = {v: {"text": t, "color": c, "index": k} for k, (v, (t, c)) in enumerate(texts.items())}
    return [
        _set("mappings", [{"type": "value", "options": options}]),
        _set("custom.cellOptions", {"type": "color-text"}),
    ]


def hidden() -> list[Any]:
    """A column that only brings its labels."""
    return [_set("custom.hidden", True)]

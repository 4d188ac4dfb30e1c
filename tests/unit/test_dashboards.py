"""Dashboards are generated, whole, and ask for nothing that is not there."""

import json
import subprocess
import sys
from itertools import combinations

import pytest

from driftline.metrics.declarations import METRICS, PERFORMANCE_STATISTICS
from tests.prometheus.boards import BOARDS, FOLDER, PANELS, filled, metrics, queries, variables

NAMED = pytest.mark.parametrize("name", BOARDS)
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}
DECLARED = {m.full_name + suffix for m in METRICS for suffix in SUFFIXES.get(m.type, ("",))}
OWN = {"__rate_interval": "5m", "__range": "1h", "__interval": "1m"}


def each_panel(*, of=PANELS):
    return pytest.mark.parametrize("panel", [p for _, p in of], ids=[f"{n}: {p['title']}" for n, p in of])


def test_there_are_three():
    """Fleet, model, and driftline itself."""
    assert {"fleet", "model", "daemon"} == BOARDS.keys()


def test_the_committed_files_are_current(tmp_path):
    """If this fails: make dashboards."""
    pytest.importorskip(
        "grafana_foundation_sdk",
        reason="NOT CHECKED whether grafana/*.json are current: no grafana-foundation-sdk here",
    )
    subprocess.run([sys.executable, str(FOLDER / "generate.py"), str(tmp_path)], check=True, timeout=60)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.json")}
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")} == made


@NAMED
def test_grafanas_own_types_read_them(name):
    """Nothing is lost on the way through the typed models, but for a data source's own fields of annotations."""
    models = pytest.importorskip(
        "grafana_foundation_sdk.models.dashboard", reason="NOT CHECKED by Grafana's types"
    )
    encoder = pytest.importorskip("grafana_foundation_sdk.cog.encoder")
    again = json.loads(json.dumps(models.Dashboard.from_json(BOARDS[name]), cls=encoder.JSONEncoder))
    shown = {key: value for key, value in BOARDS[name].items() if key != "annotations"}
    assert shown == {key: again[key] for key in shown}


@NAMED
def test_panels_do_not_overlap(name):
    """Nor reach beyond the 24 columns, and each has an id of its own."""
    panels = BOARDS[name]["panels"]
    assert len(panels) == len({panel["id"] for panel in panels})
    places = [panel["gridPos"] for panel in panels]
    assert all(0 <= p["x"] and p["x"] + p["w"] <= 24 and p["h"] > 0 for p in places)
    for a, b in combinations(places, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        assert apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]


@NAMED
def test_lines_of_panels_are_full(name):
    """No hole in the page: each line of panels is 24 columns wide."""
    lines = {}
    for panel in BOARDS[name]["panels"]:
        lines[panel["gridPos"]["y"]] = lines.get(panel["gridPos"]["y"], 0) + panel["gridPos"]["w"]
    assert {24} == set(lines.values())


@each_panel()
def test_a_panel_says_what_it_shows(panel):
    """A description of a sentence, a unit, a query, and the data source of the variable."""
    assert len(panel["description"].split()) >= 4
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    assert "${datasource}" == panel["datasource"]["uid"]


@NAMED
def test_every_query_names_declared_metrics(name):
    """For every choice of the measure."""
    for measure in [name for name, _text in PERFORMANCE_STATISTICS.values()]:
        values = dict.fromkeys(variables(str(BOARDS[name])), "x") | {"measure": measure}
        for _title, query in queries(BOARDS[name]):
            named = metrics(filled(query, values))
            assert named
            assert set() == named - DECLARED


@NAMED
def test_every_variable_is_there(name):
    """In queries, and in what other variables are asked with."""
    board = BOARDS[name]
    known = {v["name"] for v in board["templating"]["list"]} | OWN.keys()
    asked = [query for _title, query in queries(board)]
    asked += [str(v.get("query", "")) for v in board["templating"]["list"]]
    assert set() == set().union(*map(variables, asked)) - known


@NAMED
def test_dashboards_lead_to_each_other(name):
    """By their tag; and the fleet's table to a model."""
    assert ["driftline"] == BOARDS[name]["tags"]
    assert [["driftline"]] == [link["tags"] for link in BOARDS[name]["links"]]
    uids = {board["uid"] for board in BOARDS.values()}
    links = [link for _n, p in PANELS for o in p["fieldConfig"]["overrides"] for v in o["properties"]
             if v["id"] == "links" for link in v["value"]]  # fmt: skip
    assert {"driftline-model"} == {link["url"].split("?")[0].removeprefix("/d/") for link in links} & uids


def test_triggers_are_marked():
    """On the fleet and on a model."""
    for name in ("fleet", "model"):
        (mark,) = BOARDS[name]["annotations"]["list"]
        assert "driftline_triggers_total" in mark["expr"]

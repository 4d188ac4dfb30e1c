"""``driftline state show``: what stands in a state file, one line each."""

from __future__ import annotations

from rich.console import Console

from driftline.cli.state import tables
from driftline.store.rows import Stored, Summary
from tests.unit.rule_run import LOW, Run, at


def test_a_rule_is_one_line_with_its_state_and_since_when() -> None:
    """Not the bytes of all of them cut off after eighty."""
    run = Run([LOW, {**LOW, "name": "longest", "for": "72h"}])
    for number in range(60):
        run.hour(number, wrong=number >= 5)
    blobs = {"s": {("rule_state", "rules"): run.engine.rules.snapshot()}}
    console = Console(width=200, record=True)
    for table in tables(Summary(2, 0, [], Stored([], blobs, [], []))):
        console.print(table)
    rows = [[c.strip() for c in line.split("│")[1:-1]] for line in console.export_text().splitlines()]
    found = {row[2]: row for row in rows if row[:1] == ["s"]}
    first = at(5 + 1 / 6)
    assert found["low"][:8] == ["s", "m/1", "low", "-", "firing", "1", first, at(53 + 1 / 6)]
    assert found["longest"][4:8] == ["pending", "1", first, "-"]

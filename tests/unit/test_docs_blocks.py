"""The shell blocks of the README and of the page for beginners are run, line by line as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import driftline
from driftline.cli import cli
from tests.unit.init_world import bank

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/get-started.md")
NOT_RUN = {
    "make demo": "installs the program; the demo has a test of its own (tests/story)",
    "export DRIFTLINE_KAFKA__BOOTSTRAP_SERVERS=broker:9092": "needs a Kafka; run by test_init_live and test_tap",
    "docker compose": "needs Docker and images; the file is checked in tests/deploy",
    "driftline broker": "does not end; test_init_live has the same topics",
    "export DRIFTLINE_KAFKA__BOOTSTRAP_SERVERS=127.0.0.1": "does not end; test_init_live does the same",
    "driftline init --topic": "needs a Kafka; run by test_init_live",
    "driftline tap": "needs a Kafka; run by test_tap",
}
"""How a block begins that is not run here, and why."""


def _blocks(page: str) -> list[str]:
    return re.findall(
        r"^```sh\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def _reason(block: str) -> str | None:
    return next((why for start, why in NOT_RUN.items() if block.startswith(start)), None)


@pytest.fixture
def place(tmp_path):
    """A folder with a file of predictions, and ``driftline`` on the path."""
    bank(tmp_path / "raw.csv")
    head, *rows = (tmp_path / "raw.csv").read_text(encoding="utf-8").splitlines()
    times = (f"2026-03-{1 + i // 720:02d}T{i // 30 % 24:02d}:{i * 2 % 60:02d}:00Z" for i in range(len(rows)))
    lines = [f"time,{head}", *(f"{time},{row}" for time, row in zip(times, rows, strict=True))]
    (tmp_path / "predictions.csv").write_text("\n".join(lines), encoding="utf-8")
    program = tmp_path / "bin" / "driftline"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m driftline "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_says_can_be_done(page, place):
    """All blocks of a page in one folder, one after the other, as a reader would."""
    run = [block for block in _blocks(page) if _reason(block) is None]
    assert run
    env = {**os.environ, "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    env["PYTHONPATH"] = str(Path(driftline.__file__).parents[1])
    for block in run:
        done = subprocess.run(
            [shutil.which("bash"), "-euo", "pipefail", "-c", block], cwd=place, env=env, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert 0 == done.returncode, f"{block}{done.stdout}{done.stderr}"
    assert "f1-fell" in (place / "bank" / "rules" / "bank.yaml").read_text(encoding="utf-8")


def test_every_reason_is_of_a_block_that_is_there():
    """So that none outlives its block."""
    blocks = [block for page in PAGES for block in _blocks(page)]
    assert [] == [start for start in NOT_RUN if not any(block.startswith(start) for block in blocks)]


@pytest.mark.parametrize("page", [*PAGES, "docs/subscribers.md", "docs/concepts.md"])
def test_every_command_of_a_page_is_one(page):
    """With its options: what is written after ``driftline`` in code."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`|&& )driftline ([a-z][a-z-]+)", text, re.MULTILINE))
    context = cli.make_context("driftline", ["demo"], resilient_parsing=True)
    assert named
    assert set() == {name for name in named if cli.get_command(context, name) is None}
    for command, option in re.findall(r"`driftline ([a-z-]+)[^`]*?(--[a-z-]+)", text):
        options = {o for p in cli.get_command(context, command).params for o in p.opts}
        assert option in options or hasattr(cli.get_command(context, command), "commands")


def test_the_runbook_has_what_the_operators_page_points_to():
    """Each anchor is a heading there."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    headings = {
        h.lower()
        for h in re.findall(
            r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    anchors = set(re.findall(r"runbook\.md#(\w+)", text))
    assert anchors
    assert set() == anchors - headings

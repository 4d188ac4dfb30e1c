"""Every block of docs/rules.md is a configuration's, and what it shows happens."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from driftline.cli.test_rules import run
from driftline.config.parse import load_config
from driftline.config.series import SAMPLE_KEYS
from driftline.config.timelines import FILE_KEYS, TEST_KEYS, read_timelines
from driftline.config.transitions import EXPECT_KEYS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
PLAYED = [block for block in BLOCKS if "tests:" in block]
SCHEMA = json.loads((ROOT / "src" / "driftline" / "schemas" / "timelines.schema.json").read_text())
CONFIG = """
streams: {main: {predictions: [p], labels: [l]}}
models:
  - {match: "*", stream: main, task: binary, positive: a, segments: [region], windows: {drift: [24h], performance: [24h]}}
rule_files: [rules.yaml]
"""


def _titles(blocks):
    return [re.search(r"name: ([\w-]+)", block)[1] for block in blocks]


@pytest.mark.parametrize("block", BLOCKS, ids=_titles(BLOCKS))
def test_a_block_of_rules_has_no_mistakes(block, tmp_path):
    """As check-config reads it, from a rule file."""
    rules = yaml.safe_load(block)["rules"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"rules": rules}), encoding="utf-8")
    (tmp_path / "c.yaml").write_text(CONFIG, encoding="utf-8")
    assert [r["name"] for r in rules] == [r.name for r in load_config(tmp_path / "c.yaml", {}).rules]


@pytest.mark.parametrize("block", PLAYED, ids=_titles(PLAYED))
def test_a_timeline_of_the_cookbook_leads_to_what_it_says(block, tmp_path):
    """Each of its tests passes."""
    (tmp_path / "t.yaml").write_text(block, encoding="utf-8")
    tests = read_timelines(tmp_path / "t.yaml", {})
    assert [t.name for t in tests] == [t.name for t in tests if run(t).passed]


def test_the_cookbook_has_a_recipe_a_heading():
    """Every heading under Cookbook has a rule and a timeline; there are ten at least."""
    recipes = TEXT.split("## Cookbook")[1].split("\n### ")[1:]
    assert 10 <= len(recipes)
    assert [] == [r.splitlines()[0] for r in recipes if "```yaml" not in r or "expect:" not in r]


@pytest.mark.parametrize(
    "content",
    [
        *PLAYED,
        *(p.read_text(encoding="utf-8") for p in sorted((ROOT / "tests" / "timelines").glob("*.yaml"))),
    ],
)
def test_what_is_read_is_valid_by_the_schema(content):
    """So that an editor does not underline what the command takes."""
    found = Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(content))
    assert [] == [f"{e.json_path}: {e.message}" for e in found]


@pytest.mark.parametrize(
    ("shape", "keys"),
    [(SCHEMA, FILE_KEYS), *((SCHEMA["$defs"][name], keys) for name, keys in
     (("test", TEST_KEYS), ("samples", SAMPLE_KEYS), ("transition", EXPECT_KEYS)))],
)  # fmt: skip
def test_the_schema_has_the_keys_that_are_read(shape, keys):
    """No more and no fewer."""
    assert set(keys) == set(shape["properties"])


def test_the_page_names_every_key():
    """Of a file, a test, a series and an expectation."""
    named = {*FILE_KEYS, *TEST_KEYS, *SAMPLE_KEYS, *EXPECT_KEYS}
    assert set() == {key for key in named if not re.search(rf"\b{key}\b", TEXT)}

"""The documentation says what the program does."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import click
import pytest

from driftline.cli import cli
from driftline.config.formats import FieldShape, FormatShape
from driftline.config.model_shape import LabelsShape, ModelShape, WindowsShape
from driftline.config.parse import load_config
from driftline.config.rule_shape import ComparisonShape, RuleShape
from driftline.config.section import Section
from driftline.config.shape import SECTIONS, FileShape, StreamShape, TimeShape
from driftline.config.sources import read_yaml
from driftline.rules import parse
from driftline.rules.catalogue import STATISTICS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def generator(page: str):
    """The module that writes a page."""
    spec = importlib.util.spec_from_file_location(f"generate_{page}", ROOT / "docs" / f"generate_{page}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["configuration", "metrics", "reliability"])
def test_a_generated_page_is_current(page):
    """If this fails: python docs/generate_PAGE.py."""
    assert generator(page).document() == (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")


def test_the_schema_of_the_configuration_is_current():
    """If this fails: python docs/generate_configuration.py."""
    module = generator("configuration")
    assert module.schema_text() == module.SCHEMA.read_text(encoding="utf-8")


def _commands(group: click.Group, before: str) -> list[str]:
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        path = f"{before} {name}"
        found += _commands(command, path) if isinstance(command, click.Group) else [path]
    return found


def test_the_readme_has_every_command_and_no_other():
    """The table of commands is complete, subcommands included."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = "\n".join(re.findall(r"^\| (`driftline .*?) \|", text, re.MULTILINE))
    commands = set(_commands(cli, "driftline"))
    groups = {c.rsplit(" ", 1)[0] for c in commands if c.count(" ") == 2}
    found = (
        re.match(r"driftline ([a-z-]+)(?: ([a-z-]+))?", c) for c in re.findall(r"`(driftline [^`]+)`", rows)
    )
    first = [(f"driftline {m[1]}", m[2]) for m in found if m]
    assert commands == {f"{head} {sub}" if head in groups else head for head, sub in first}


def test_the_example_has_every_key_and_says_its_default():
    """Keys of sections stand in the example, in place or in a comment; scalars that stand there are the defaults."""
    text = (ROOT / "config" / "example.yaml").read_text(encoding="utf-8")
    shapes = [*SECTIONS.values(), FileShape, StreamShape, TimeShape, ModelShape, LabelsShape]
    keys = {key for shape in shapes for key in shape.model_fields}
    assert {key for key in keys if not re.search(rf"\b{key}:", text)} == set()
    raw, _ = read_yaml(ROOT / "config" / "example.yaml")
    for name, shape in SECTIONS.items():
        defaults = shape()
        assert shape.model_validate(raw[name]) == defaults, name
    assert TimeShape.model_validate(raw["streams"]["main"]["time"]) == TimeShape()
    assert LabelsShape.model_validate(raw["models"][0]["labels"]) == LabelsShape()


def test_the_rules_shape_is_what_rules_are_read_by():
    """Every field of a rule is documented and in the schema, and no other."""
    assert {f.alias or name for name, f in RuleShape.model_fields.items()} == set(parse._RULE_KEYS)
    assert {f.alias or name for name, f in ComparisonShape.model_fields.items()} == set(parse._CONDITION_KEYS)


@pytest.mark.parametrize(
    "shape",
    [
        *SECTIONS.values(),
        FileShape,
        RuleShape,
        ComparisonShape,
        ModelShape,
        LabelsShape,
        WindowsShape,
        StreamShape,
        TimeShape,
        FormatShape,
        FieldShape,
    ],
)
def test_every_setting_is_described(shape):
    """A key without a text is not documented anywhere; sections describe themselves."""
    nameless = [
        n for n, f in shape.model_fields.items() if not f.description and not isinstance(f.default, Section)
    ]
    assert nameless == []


def test_every_statistic_of_rules_is_in_the_schema():
    """And no other."""
    schema = json.loads(generator("configuration").SCHEMA.read_text(encoding="utf-8"))
    assert schema["$defs"]["ComparisonShape"]["properties"]["metric"]["enum"] == list(STATISTICS)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    """Relative links only; the web is not asked."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_example_configuration_has_no_mistakes():
    """The file that the quick start begins with."""
    assert load_config(ROOT / "config" / "example.yaml", {}).streams

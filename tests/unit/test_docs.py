"""The documentation says what the program does."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import click
import numpy as np
import pytest
import yaml

from driftline.cli import cli
from driftline.config.formats import FieldShape, FormatShape
from driftline.config.model_shape import LabelsShape, ModelShape, WindowsShape
from driftline.config.parse import load_config
from driftline.config.rule_shape import ComparisonShape, RuleShape
from driftline.config.section import Section
from driftline.config.shape import SECTIONS, FileShape, StreamShape, TimeShape
from driftline.config.sources import read_yaml
from driftline.records import Kind
from driftline.rules import parse
from driftline.rules.catalogue import STATISTICS
from driftline.settings import DEFAULT_GATES, Task
from driftline.sources.batches import gather
from driftline.wiring import build_engine

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
    own = {"match", "stream", "task", "positive", "windows", "references", "tags", "labels"}
    model = {k: v for k, v in raw["models"][0].items() if k not in own}
    defaults = ModelShape(match="m", stream="s", task=Task.REGRESSION).model_dump(mode="json")
    assert {key: defaults[key] for key in model} == model
    gates = re.search(r"least denominators: (\{.*\})", text)
    assert gates is not None
    assert yaml.safe_load(gates[1]) == DEFAULT_GATES


def uncommented(text: str) -> str:
    """The example with every key that stands in a comment put in place, as its head says."""
    lines: list[str] = []
    for line in text.splitlines():
        found = re.match(r"( +)# ( *[\w.]+: .*)", line)
        if found is None:
            lines.append(line)
            continue
        lines[-1] = re.sub(r": \{\} .*", ":", lines[-1])
        lines.append(found[1] + found[2])
    return "\n".join(lines)


def test_what_stands_in_comments_of_the_example_works(tmp_path):
    """It is a valid configuration, and a stream reads by the format; nothing is said not to work yet."""
    text = (ROOT / "config" / "example.yaml").read_text(encoding="utf-8")
    assert [] == re.findall(r".*(?:\byet\b|usable|cannot|later step).*", text)
    (tmp_path / "secret").write_text("s")
    whole = uncommented(text).replace("/run/secrets/kafka-password", str(tmp_path / "secret"))
    (tmp_path / "c.yaml").write_text(whole.replace("format: driftline ", "format: ours "))
    config = load_config(tmp_path / "c.yaml", {})
    assert {
        "security.protocol",
        "sasl.mechanism",
        "sasl.username",
        "sasl.password",
    } == config.kafka.properties.keys()
    assert ("UP", "DOWN") == config.models[0].classes
    event = {"req": {"id": "1"}, "ts": 1_700_000_000, "in": {"x": 1}, "p": 0.7, "truth": "UP"}
    (stream,) = config.streams
    for kind, topics in ((Kind.PREDICTION, stream.predictions), (Kind.LABEL, stream.labels)):
        engine = build_engine(config, stream)
        piece = (
            (topics[0], 0),
            np.array([0]),
            np.array([1_700_000_000_000]),
            [json.dumps(event).encode()],
            [[]],
        )
        (batch,) = gather([piece], {topics[0]: kind})
        assert [] == engine.pipeline.feed(batch).rejects
        assert (1, {}) == (
            engine.pipeline.counts["events_consumed", topics[0], str(kind)],
            engine.pipeline.unmonitored,
        )


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

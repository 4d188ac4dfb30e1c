"""The documentation says what the program does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import click
import pytest

from driftline.cli import cli
from driftline.config.parse import load_config

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", ["metrics", "reliability"])
def test_a_generated_page_is_current(page):
    """If this fails: python docs/generate_metrics.py, or docs/generate_reliability.py."""
    spec = importlib.util.spec_from_file_location(f"generate_{page}", ROOT / "docs" / f"generate_{page}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.document() == (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")


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
    documented = set(
        re.findall(r"^\| `(driftline [a-z-]+(?: (?:build|show|backup|verify))?)", text, re.MULTILINE)
    )
    assert set(_commands(cli, "driftline")) == documented


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    """Relative links only; the web is not asked."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_example_configuration_has_no_mistakes():
    """The file that the quick start begins with."""
    assert load_config(ROOT / "config" / "example.yaml", {}).streams

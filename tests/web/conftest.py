"""What the tests of the page and the API share; a real Chromium, or a loud skip."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from driftline.metrics.view import DaemonView


def _module(name: str) -> Any:
    """A neighbour of this file: tests are no package."""
    spec = importlib.util.spec_from_file_location(f"web_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def views() -> Any:
    """Views made by hand."""
    return _module("views")


@pytest.fixture(scope="session")
def elec2_view() -> Any:
    """Views that the real engine makes of Elec2."""
    return _module("elec2_view")


@pytest.fixture(scope="session")
def elec2(elec2_view: Any, tmp_path_factory: pytest.TempPathFactory) -> DaemonView:
    """Elec2 when F1 has been below its threshold for a week, and a retraining was asked for."""
    view: DaemonView = elec2_view.view(tmp_path_factory.mktemp("elec2"), "1997-03-25T12:00:00Z")
    return view


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The driver's module and a running browser."""
    driver = _module("chromium")
    try:
        driver.program()
    except driver.Unavailable as error:
        if os.environ.get("DRIFTLINE_REQUIRE_BROWSER") == "1":
            pytest.fail(f"no Chromium: {error}")
        pytest.skip(f"NO CHROMIUM: {error}")
    browser = driver.Browser(tmp_path_factory.mktemp("chromium"))
    yield driver, browser
    browser.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """A skipped browser is said at the end, where nobody can overlook it."""
    skipped = [r for r in terminalreporter.stats.get("skipped", ()) if "NO CHROMIUM" in str(r.longrepr)]
    if skipped:
        terminalreporter.section("NO CHROMIUM", red=True, bold=True)
        terminalreporter.line(
            f"{len(skipped)} tests of the status page did not run: {skipped[0].longrepr[2]}"
        )

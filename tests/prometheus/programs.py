"""Prometheus, promtool, Alertmanager and amtool as they are installed, or a loud skip."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "alertmanager": ("prometheus-alertmanager", "alertmanager"),
    "amtool": ("amtool",),
}


def program(name: str) -> str:
    """Its path; without it the test is skipped, or fails where DRIFTLINE_REQUIRE_PROMETHEUS=1."""
    for candidate in NAMES[name]:
        if path := shutil.which(candidate):
            return path
    if os.environ.get("DRIFTLINE_REQUIRE_PROMETHEUS") == "1":
        pytest.fail(f"no {name} is installed")
    pytest.skip(f"NO {name.upper()}: install the packages prometheus and prometheus-alertmanager")


def told(name: str, *arguments: str | Path, text: str | None = None) -> str:
    """What a program says; it must end with 0."""
    command = [program(name), *map(str, arguments)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout

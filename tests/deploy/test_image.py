"""The image is built and started, where there are a container engine and a base image for it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from urllib.request import urlopen

import pytest

from driftline.demo import processes
from tests.deploy.programs import ROOT, told

BASE = os.environ.get("DRIFTLINE_PYTHON_IMAGE", "localhost/python:3.11-slim")
MORE = shlex.split(os.environ.get("DRIFTLINE_BUILD_ARGS", ""))
"""For sites whose packages come through a proxy: volumes, certificates, the network."""
NAME = "localhost/driftline:tested"
CONFIG = """
streams: {main: {predictions: [predictions], labels: [labels]}}
models: [{match: m, stream: main, task: regression, windows: {drift: [24h], performance: [24h]}}]
"""


def _podman(*arguments: str, patience_s: float = 60) -> str:
    return told("podman", *arguments, patience_s=patience_s)


@pytest.fixture(scope="module")
def image() -> str:
    """Built from the Dockerfile; where the base image is missing, that is said."""
    there = json.loads(_podman("images", "--format", "json"))
    if not any(BASE in (found.get("Names") or []) for found in there):
        if os.environ.get("DRIFTLINE_REQUIRE_IMAGE") != "1":
            pytest.skip(
                f"NO BASE IMAGE {BASE}: pull one and name it in DRIFTLINE_PYTHON_IMAGE, or run tests/deploy/base_image.sh"
            )
        subprocess.run([ROOT / "tests/deploy/base_image.sh"], check=True, timeout=600)
    _podman(
        "build", "--format", "docker", *MORE, "--build-arg", f"PYTHON_IMAGE={BASE}", "-f", str(ROOT / "deploy/Dockerfile"),
        "-t", NAME, str(ROOT), patience_s=900,
    )  # fmt: skip
    return NAME


def test_the_image_is_small_and_says_what_it_is(image):
    """Less than 400 MB over its base; no root; a health check; stops by SIGTERM."""
    size, base = (
        json.loads(_podman("inspect", "--type", "image", name))[0]["Size"] for name in (image, BASE)
    )
    config = json.loads(_podman("inspect", "--type", "image", image))[0]["Config"]
    assert size - base < 400_000_000
    assert ("10001:10001", ["driftline"]) == (config["User"], config["Entrypoint"])
    assert "Healthcheck" in json.loads(_podman("inspect", "--type", "image", image))[0]


def test_the_container_answers_and_stops_with_a_read_only_root(image, tmp_path):
    """As in compose and Kubernetes: no capability, nothing to write but the state; SIGTERM ends it with 0."""
    (tmp_path / "driftline.yaml").write_text(CONFIG, encoding="utf-8")
    tmp_path.chmod(0o755)
    port = processes.free_port()
    name = f"driftline-tested-{port}"
    _podman(
        "run", "--detach", "--name", name, "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
        "--network", "host", "-e", f"DRIFTLINE_HTTP__LISTEN=127.0.0.1:{port}", "-e", "DRIFTLINE_KAFKA__BOOTSTRAP_SERVERS=127.0.0.1:1",
        "-v", f"{tmp_path}:/etc/driftline:ro", image,
    )  # fmt: skip
    try:
        assert "healthy" in _answer(f"http://127.0.0.1:{port}/-/healthy")
        check = json.loads(_podman("inspect", "--type", "image", image))[0]["Healthcheck"]["Test"]
        assert "CMD" == check[0]
        _podman("exec", name, *check[1:])
        assert "uid=10001" in _podman("exec", name, "id")
        assert "driftline.db" in _podman("exec", name, "ls", "/var/lib/driftline")
        _podman("stop", "-t", "40", name)
        assert "0" == _podman("inspect", "--format", "{{.State.ExitCode}}", name).strip().splitlines()[-1]
    finally:
        _podman("rm", "-f", name)


def _answer(address: str, patience_s: float = 30) -> str:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            with urlopen(address, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)

"""The demo's parts as processes of their own: the broker and the daemon.

Each has a session of its own, so that Ctrl-C reaches the demo only, which ends them in order.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

from driftline.errors import DriftlineError


def free_port() -> int:
    """A port of the loopback interface that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_broker(partitions: int) -> tuple[subprocess.Popen[str], str]:
    """The embedded broker and its bootstrap servers."""
    topics = [f"{name}:{partitions}" for name in ("predictions", "labels")]
    topics += ["driftline.triggers:1", "driftline.dead-letters:1"]
    command = [sys.executable, "-m", "driftline", "broker"]
    for topic in topics:
        command += ["--topic", topic]
    process = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    line = process.stdout.readline().strip() if process.stdout else ""
    if not line:
        raise DriftlineError("the embedded broker did not start")
    return process, line


def start_daemon(config: Path, log: Path) -> subprocess.Popen[bytes]:
    """The daemon, as it would run in production."""
    with log.open("wb") as out:
        command = [sys.executable, "-m", "driftline", "run", "--config", str(config)]
        return subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)  # noqa: S603


def stop(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> int:
    """End a process that this demo started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()

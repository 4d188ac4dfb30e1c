"""The daemon: it reads the clock, polls, commits, publishes, reloads and stops, and decides nothing about statistics."""

from driftline.app.daemon import Daemon
from driftline.app.runner import Runner

__all__ = ["Daemon", "Runner"]

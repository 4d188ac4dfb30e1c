"""Crashes at named points of a commit and its effects, by wrappers around the ports: the program has no hooks for it.

A test starts the daemon in a process of its own with ``crash=kill_this_process``, or in its own process with a
``crash`` that raises.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Protocol

from driftline.ports import Delivery, Publisher
from driftline.records import Message

Crash = Callable[[], None]


class Point(StrEnum):
    """Where to crash, each at the first commit that carries an effect."""

    BEFORE_COMMIT = "before-commit"
    """Everything is computed, nothing is written."""
    INSIDE_COMMIT = "inside-commit"
    """Offsets and blocks are written, and no row of the outbox."""
    END_OF_COMMIT = "end-of-commit"
    """All is written but the word COMMIT."""
    BEFORE_SEND = "before-send"
    """The commit is durable, and no effect is sent."""
    BEFORE_MARK = "before-mark"
    """The broker has acknowledged an effect, and the state does not know it."""


def kill_this_process() -> None:
    """``kill -9`` of the process itself: nothing of it runs on."""
    os.kill(os.getpid(), signal.SIGKILL)


class Commits(Protocol):
    """What the wrapper needs of a store."""

    def commit(self, commit: Any) -> Any:
        """All of it or nothing."""


class CrashingStore:
    """A store that crashes before a commit that carries effects; otherwise it is the store it wraps."""

    def __init__(self, store: Commits, point: Point, crash: Crash) -> None:
        self._store = store
        self._point = point
        self._crash = crash

    def commit(self, commit: Any) -> Any:
        """Commit, or crash before it."""
        if self._point is Point.BEFORE_COMMIT and commit.outbox:
            self._crash()
        return self._store.commit(commit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def crashing_connect(point: Point, crash: Crash) -> Callable[..., sqlite3.Connection]:
    """A stand-in for ``sqlite3.connect`` whose connections crash inside a transaction that fills the outbox."""
    connect = sqlite3.connect
    filled: list[str] = []

    def trace(statement: str) -> None:
        if statement.upper().startswith("INSERT INTO OUTBOX"):
            filled.append(statement)
            if point is Point.INSIDE_COMMIT:
                crash()
        if statement.upper().startswith("COMMIT") and filled and point is Point.END_OF_COMMIT:
            crash()

    def opened(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(trace)
        return connection

    return opened


class CrashingPublisher:
    """A publisher that crashes before it sends, or when it learns of a delivery."""

    def __init__(self, publisher: Publisher, point: Point, crash: Crash) -> None:
        self._publisher = publisher
        self._point = point
        self._crash = crash

    def publish(self, messages: Sequence[Message]) -> None:
        """Send, or crash before it."""
        if self._point is Point.BEFORE_SEND and messages:
            self._crash()
        self._publisher.publish(messages)

    def poll(self) -> list[Delivery]:
        """Deliveries; or crash when there is one."""
        done = self._publisher.poll()
        if self._point is Point.BEFORE_MARK and any(d.error is None for d in done):
            self._crash()
        return done

    def flush(self, timeout_s: float) -> int:
        """Wait for what is under way."""
        return self._publisher.flush(timeout_s)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._publisher, name)

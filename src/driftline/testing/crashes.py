"""Crashes at named points of a commit and its effects, by wrappers around the ports: the program has no hooks for it.

A test starts the daemon in a process of its own with ``crash=kill_this_process``, or in its own process with a
``crash`` that raises.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from driftline.ports import Delivery, Publisher
from driftline.records import Message

Crash = Callable[[], None]


class Point(StrEnum):
    """Where to crash, each at the first commit that carries an effect for the topic."""

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


@dataclass
class Plan:
    """Where to crash, and by what."""

    point: Point
    topic: str
    """Effects for other topics, as dead letters, do not count: one of them may be sent long before a trigger is."""
    crash: Crash = kill_this_process
    armed: bool = False
    """The commit under way carries an effect for the topic."""

    def at(self, point: Point) -> None:
        """Crash, if it is this point that was meant."""
        if point is self.point:
            self.crash()


class CrashingStore:
    """A store that crashes before a commit that carries effects; otherwise it is the store it wraps."""

    def __init__(self, store: Commits, plan: Plan) -> None:
        self._store = store
        self._plan = plan

    def commit(self, commit: Any) -> Any:
        """Commit, or crash before it."""
        self._plan.armed = any(message.topic == self._plan.topic for _, message in commit.outbox)
        if self._plan.armed:
            self._plan.at(Point.BEFORE_COMMIT)
        return self._store.commit(commit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def crashing_connect(plan: Plan) -> Callable[..., sqlite3.Connection]:
    """A stand-in for ``sqlite3.connect`` whose connections crash inside a transaction of a ``CrashingStore``."""
    connect = sqlite3.connect

    def trace(statement: str) -> None:
        if plan.armed and statement.upper().startswith("INSERT INTO OUTBOX"):
            plan.at(Point.INSIDE_COMMIT)
        if plan.armed and statement.upper().startswith("COMMIT"):
            plan.at(Point.END_OF_COMMIT)

    def opened(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(trace)
        return connection

    return opened


class CrashingPublisher:
    """A publisher that crashes before it sends, or when it learns of a delivery."""

    def __init__(self, publisher: Publisher, plan: Plan) -> None:
        self._publisher = publisher
        self._plan = plan
        self._awaited: set[str] = set()

    def publish(self, messages: Sequence[Message]) -> None:
        """Send, or crash before it."""
        awaited = {m.id for m in messages if m.topic == self._plan.topic}
        if awaited:
            self._plan.at(Point.BEFORE_SEND)
        self._awaited |= awaited
        self._publisher.publish(messages)

    def poll(self) -> list[Delivery]:
        """Deliveries; or crash when there is one."""
        done = self._publisher.poll()
        if any(d.error is None and d.id in self._awaited for d in done):
            self._plan.at(Point.BEFORE_MARK)
        return done

    def flush(self, timeout_s: float) -> int:
        """Wait for what is under way."""
        return self._publisher.flush(timeout_s)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._publisher, name)

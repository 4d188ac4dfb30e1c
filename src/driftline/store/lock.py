"""One owner of a state file: an advisory lock on ``<path>.lock`` that dies with its process."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from driftline.errors import StateError, StateLocked

_RETRY_S = 0.2

Pause = Callable[[float], object]
"""Waits so many seconds; a true answer gives up waiting."""


class FileLock:
    """The held lock. The file stays when it is released: removing it would let two processes in."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, path: Path, *, wait: bool = False, pause: Pause = time.sleep) -> FileLock:
        """Takes the lock of the state file at ``path``.

        Raises
        ------
        StateLocked
            Another process holds it, and ``wait`` is false or ``pause`` gave up; the message names it.
        StateError
            The lock file cannot be made.
        """
        descriptor = _open(_lock_path(path))
        while not _try(descriptor):
            if not wait or pause(_RETRY_S):
                os.close(descriptor)
                raise StateLocked(_refusal(path))
        _sign(descriptor)
        return cls(descriptor)

    def release(self) -> None:
        """Lets the next process in; a second call does nothing."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StateError(f"the lock file {path} cannot be opened for writing: {error.strerror}") from error


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(descriptor: int) -> None:
    holder = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, holder.encode(), 0)


def holder(path: Path) -> str:
    """Who holds the state file at ``path``, as far as its lock file tells."""
    try:
        holder = json.loads(_lock_path(path).read_bytes())
        return f"process {holder['pid']} on host {holder['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _refusal(path: Path) -> str:
    return f"the state file {path} is in use by {holder(path)}; stop it, or wait for it with --wait"

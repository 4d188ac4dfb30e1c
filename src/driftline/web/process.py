"""What Linux says of this process: read at each scrape, and nothing where there is no ``/proc``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

_PROC = Path("/proc")
_FIELDS_AFTER_NAME = 2
"""The fields of ``stat`` are numbered from 1, and the first two end with the name's bracket."""


def process_values(proc: Path = _PROC) -> Mapping[str, float]:
    """Values of the ``process_`` metrics by their names without the prefix."""
    found = {}
    for name, read in _VALUES.items():
        with contextlib.suppress(
            OSError, ValueError, IndexError, StopIteration
        ):  # /proc/stat may be hidden, say
            found[name] = read(proc)
    return found


def _stat(proc: Path, *numbers: int) -> list[int]:
    fields = (proc / "self/stat").read_text().rpartition(")")[2].split()
    return [int(fields[number - 1 - _FIELDS_AFTER_NAME]) for number in numbers]


def _cpu_s(proc: Path) -> float:
    return sum(_stat(proc, 14, 15)) / os.sysconf("SC_CLK_TCK")


def _resident_bytes(proc: Path) -> float:
    return _stat(proc, 24)[0] * os.sysconf("SC_PAGE_SIZE")


def _start_s(proc: Path) -> float:
    return _boot_s(proc) + _stat(proc, 22)[0] / os.sysconf("SC_CLK_TCK")


def _open_files(proc: Path) -> float:
    return len(list((proc / "self/fd").iterdir()))


def _boot_s(proc: Path) -> int:
    lines = (proc / "stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("btime "))


def _soft_limit(proc: Path) -> float:
    lines = (proc / "self/limits").read_text().splitlines()
    text = next(line.split()[3] for line in lines if line.startswith("Max open files"))
    return float("inf") if text == "unlimited" else float(text)


_VALUES: Mapping[str, Callable[[Path], float]] = {
    "cpu_seconds_total": _cpu_s,
    "resident_memory_bytes": _resident_bytes,
    "start_time_seconds": _start_s,
    "open_fds": _open_files,
    "max_fds": _soft_limit,
}

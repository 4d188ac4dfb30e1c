"""What Linux says of this process: read at each scrape, and nothing where there is no ``/proc``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_PROC = Path("/proc")
_FIELDS_AFTER_NAME = 2
"""The fields of ``stat`` are numbered from 1, and the first two end with the name's bracket."""


def process_values(proc: Path = _PROC) -> Mapping[str, float]:
    """Values of the ``process_`` metrics by their names without the prefix."""
    try:
        return _read(proc)
    except (OSError, ValueError, IndexError):
        return {}


def _read(proc: Path) -> Mapping[str, float]:
    stat = (proc / "self/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    user, system, start, pages = (int(stat[number - 1 - _FIELDS_AFTER_NAME]) for number in (14, 15, 22, 24))
    return {
        "cpu_seconds_total": (user + system) / ticks,
        "resident_memory_bytes": pages * os.sysconf("SC_PAGE_SIZE"),
        "start_time_seconds": _boot_s(proc) + start / ticks,
        "open_fds": len(list((proc / "self/fd").iterdir())),
        "max_fds": _soft_limit(proc),
    }


def _boot_s(proc: Path) -> int:
    lines = (proc / "stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("btime "))


def _soft_limit(proc: Path) -> float:
    lines = (proc / "self/limits").read_text().splitlines()
    text = next(line.split()[3] for line in lines if line.startswith("Max open files"))
    return float("inf") if text == "unlimited" else float(text)

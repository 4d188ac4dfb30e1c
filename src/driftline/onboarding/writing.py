"""Files of a first configuration: never over another file, and all of them or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from driftline.errors import Problem, UsageError


def occupied(folder: Path, names: Iterable[str]) -> list[Problem]:
    """Every file that is there already."""
    there = [name for name in names if (folder / name).exists()]
    return [Problem(str(folder / name), "is there already, and nothing is overwritten") for name in there]


def write_all(folder: Path, files: Mapping[str, Iterable[bytes]]) -> None:
    """Write all; what was written before one that cannot be is removed again.

    Raises
    ------
    UsageError
        A file cannot be written, or appeared meanwhile.
    """
    written: list[Path] = []
    try:
        for name, parts in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as out:
                written.append(path)
                out.writelines(parts)
    except BaseException as error:
        for path in written:
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UsageError(f"{folder}: cannot be written: {error.strerror}") from error
        raise

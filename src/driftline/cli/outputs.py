"""Files that a command writes lines to: ``-`` is stdout, ``.gz`` is compressed, and equal lines give equal bytes."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from driftline.errors import UsageError


def check_outputs(outputs: dict[str, Path | None], inputs: Iterable[Path]) -> None:
    """Refuse what would be mixed or overwritten. ``outputs``: option to path."""
    taken: dict[Path, str] = {}
    read = {path.resolve() for path in inputs}
    for option, path in outputs.items():
        if path is None:
            continue
        place = path if str(path) == "-" else path.resolve()
        if place in taken:
            raise UsageError(f"{option} and {taken[place]} would both be written to {path}")
        if place in read:
            raise UsageError(f"{option}: {path} is read by this replay; write to another file")
        taken[place] = option


def open_output(stack: ExitStack, option: str, path: Path) -> BinaryIO:
    """The file, closed with the stack. A ``.gz`` carries no time and no name."""
    try:
        if str(path) == "-":
            return stack.enter_context(os.fdopen(os.dup(1), "wb"))
        out = stack.enter_context(path.open("wb"))
    except OSError as error:
        raise UsageError(f"{option}: {path} cannot be written: {error.strerror}") from error
    if path.suffix != ".gz":
        return out
    packed = gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0)
    return cast("BinaryIO", stack.enter_context(packed))


def write_lines(out: BinaryIO, lines: Iterable[bytes]) -> None:
    """Each with its end of line."""
    for line in lines:
        out.write(line)
        if not line.endswith(b"\n"):
            out.write(b"\n")

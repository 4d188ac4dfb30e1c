"""Why a file of text is no UTF-8: where, and what it probably is. It converts nothing."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

_MARKS = (b"\xff\xfe", b"\xfe\xff")
_WEST = "WINDOWS-1252"
"""What spreadsheets write there; it has all the letters of Latin-1."""
_SHOWN = 20


def not_utf8(name: str, lines: Iterable[bytes]) -> str | None:
    """What is wrong with the first line that is no UTF-8, and how to mend the file; None: all lines are."""
    for number, line in enumerate(lines, 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            encoding = "UTF-16" if number == 1 and line.startswith(_MARKS) else _WEST
            what = f"line {number} is not UTF-8, but probably {encoding}{_shown(line, error, encoding)}"
            return f"{name}: {what}; write it anew: {_command(name, encoding)}"
    return None


def _shown(line: bytes, error: UnicodeDecodeError, encoding: str) -> str:
    """The place as it would read then."""
    if encoding != _WEST:
        return ""
    place = line[max(0, error.start - _SHOWN) : error.start + _SHOWN]
    return f' ("{place.decode(_WEST, "replace").strip()}")'


def _command(name: str, encoding: str) -> str:
    """For a shell in the file's folder."""
    source, target = quote(name), quote(f"utf8-{name.removesuffix('.gz')}")
    if name.endswith(".gz"):
        return f"zcat {source} | iconv -f {encoding} -t UTF-8 > {target}"
    return f"iconv -f {encoding} -t UTF-8 {source} > {target}"

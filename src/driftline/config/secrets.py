"""Secrets for librdkafka: from files, and never shown; a file that everybody may read is remarked upon.

Not even a file's name is shown: whoever writes the secret itself in its place shall not find it in a log.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from driftline.config.messages import shown

_FILE = "_file"
_WORDS = ("password", "secret", "ssl.key.pem", "oauthbearer.config", "sasl.jaas")


@dataclass(slots=True)
class Properties:
    """librdkafka's properties, what is wrong with some of them, and what is remarkable, by key."""

    values: dict[str, str] = field(default_factory=dict, repr=False)
    problems: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)


def read_properties(raw: Mapping[str, Any], folder: Path) -> Properties:
    """Each ``name_file`` becomes ``name`` with the file's content, without the line's end."""
    found = Properties()
    for key, value in raw.items():
        if value is None or isinstance(value, dict | list):
            found.problems[key] = f"found {shown(value)}; write a text, a number, true or false"
        elif not key.endswith(_FILE):
            found.values[key] = str(value).lower() if isinstance(value, bool) else str(value)
        elif key.removesuffix(_FILE) in raw:
            found.problems[key] = f"{key.removesuffix(_FILE)} is given too; leave one of them out"
        else:
            _read(found, key, folder / str(value))
    return found


def _read(found: Properties, key: str, path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
        everybody = everybody_may_read(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        found.problems[key] = f"the file cannot be read: {reason}"
        return
    if not text:
        found.problems[key] = "the file is empty; write the secret into it"
        return
    found.values[key.removesuffix(_FILE)] = text
    if everybody:
        found.remarks[key] = "everybody on this machine may read the file; take that right away (chmod o-r)"


def everybody_may_read(path: Path) -> bool:
    """Whether a file's mode lets everybody on this machine read it."""
    return bool(path.stat().st_mode & stat.S_IROTH)


def kept_secret(raw: Mapping[str, Any]) -> set[str]:
    """Properties whose value nobody shall see: those from a file, and those that are named like a secret."""
    return {k.removesuffix(_FILE) for k in raw if k.endswith(_FILE) or any(word in k for word in _WORDS)}


def written_out(raw: Mapping[str, Any]) -> Iterator[str]:
    """Keys whose secret stands in place instead of in a file."""
    return (k for k in raw if not k.endswith(_FILE) and any(word in k for word in _WORDS))

"""Labels as text: names made valid, values escaped, pairs joined once and used for many series."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Pairs = Iterable[tuple[str, str]]
_NOT_A_NAME = re.compile(r"[^a-zA-Z0-9_]")


def label_name(text: str) -> str:
    """A valid label name of any text: other characters become ``_``."""
    name = _NOT_A_NAME.sub("_", text) or "_"
    return f"_{name}" if name[0].isdigit() else name.lstrip("_") or "_"


def escape(text: str) -> str:
    """A label value as it stands between quotes; lone surrogates become ``?``, so the text is UTF-8."""
    if text.isascii() and text.isalnum():
        return text
    clean = text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
    return clean.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def text_of(pairs: Pairs) -> str:
    """What stands between the braces: ``model="elec2",version="1"``."""
    return ",".join(f'{key}="{escape(value)}"' for key, value in pairs)


def free(texts: Mapping[str, str], prefix: str = "", taken: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Labels of a free mapping, less those ``taken``; of names that become equal, the first stays."""
    names: dict[str, str] = {}
    for name, text in texts.items():
        names.setdefault(prefix + label_name(str(name)), str(text))
    return [(name, text) for name, text in names.items() if name not in set(taken)]

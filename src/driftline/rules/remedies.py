"""What somebody surely meant who wrote a value of a rule in another way."""

from __future__ import annotations

import re

from driftline.words import shown

_SHARE = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(%?)\s*")


def number_hint(value: object) -> str:
    """What a text surely means: YAML's quotes, a decimal comma, a percentage."""
    found = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return ""
    number = float(found[1].replace(",", "."))
    return f"; write {number / 100 if found[2] else number:g}"


def change_hint(value: object) -> str:
    """A change with its unit; a share is meant as hundredths."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else 5
    text = f"{number * 100:g}" if 0 < number < 1 else str(number)
    return f'write "{text} points" or "{text} percent"'


def names_hint(value: object) -> str:
    """One name, or several, as texts."""
    values = value if isinstance(value, list) else [value]
    texts = [f'"{v}"' for v in values if isinstance(v, str | int | float) and not isinstance(v, bool)]
    written = texts or ['"a"', '"b"']
    return f"write {written[0] if len(written) == 1 else '[' + ', '.join(written) + ']'}"


def name_hint(name: object) -> str:
    """What is wrong with a rule's name."""
    if name is None or name == "":
        return "is missing; every rule needs a name"
    return f'{shown(name)} is not a text; write "{name}" in quotes'

"""A draft of ``formats`` as YAML, every line with its reason, and how many records it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from driftline.config.formats import FormatShape
from driftline.onboarding.draft import Draft, Place
from driftline.onboarding.fits import listed
from driftline.onboarding.texts import one_line, quoted

NAME = "ours"
"""Of the format that is drafted."""


def draft_text(draft: Draft, head: Sequence[str], topics: Mapping[str, str]) -> str:
    """``streams`` and ``formats``; ``head`` are comments above, ``topics`` by their kind."""
    fields = [(name, draft.fields[name]) for name in FormatShape.model_fields if name in draft.fields]
    lines = [f"{name}: {_where(place)}" for name, place in fields]
    width = max(map(len, lines), default=0)
    stamp = ["    time: {from_record: true}"] if draft.from_record else []
    return "\n".join([
        *(f"# {one_line(line)}" for line in head),
        *(f"# - {one_line(remark)}" for remark in draft.remarks),
        *([f"# - not read: {one_line(listed(draft.unused))}"] if draft.unused else []),
        "streams:", "  main:", *(f"    {kind}: [{quoted(topic)}]" for kind, topic in topics.items()),
        f"    format: {NAME}", *stamp,
        "formats:", f"  {NAME}:",
        *(f"    {line:{width}}  # {one_line(place.why)}" for line, (_, place) in zip(lines, fields, strict=True)),
        "",
    ])  # fmt: skip


def _where(place: Place) -> str:
    if place.where.keys() == {"path"}:
        return _scalar(place.where["path"])
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in place.where.items()) + "}"


def _scalar(text: str) -> str:
    """A text as YAML reads it back: plain where it is plainly so."""
    plain = (
        all(c.isalnum() or c in "$._" for c in text) and not text[:1].isdigit() and text[:1] not in ("", ".")
    )
    return (
        text
        if plain and text.lower() not in ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
        else quoted(text)
    )

"""HTML as text that is safe by its type: what is not ``Markup`` is escaped when it is put into a tag."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import urlencode

_LONG = 16
"""Characters of a word that fits into any column."""
_SEPARATORS = re.compile(r"(?<=[_./:-])(?=[^_./:-])")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


_HIDDEN = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, and those that turn the direction of text: shown as what they are."""


def text(value: object) -> Markup:
    """Any text as HTML; characters that would not be seen, or would reorder others, by their number."""
    if isinstance(value, Markup):
        return value
    plain = str(value).encode("utf-8", "replace").decode()
    return Markup(escape(_HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", plain)))


def tag(name: str, *content: object, **attributes: object) -> Markup:
    """An element. ``class_`` and ``for_`` lose their underscore; None leaves an attribute out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>{join(content)}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Markup:
    """Parts one after the other."""
    return Markup(between.join(text(part) for part in parts))


def name(value: object) -> Markup:
    """A name that somebody chose: isolated, so that its direction does not turn what stands around it.

    A long one breaks after its own separators, before it breaks anywhere else.
    """
    words = (str(value) if str(value).strip() else "(no name)").split(" ")
    parts = (join(_SEPARATORS.split(word) if len(word) > _LONG else [word], "<wbr>") for word in words)
    return tag("bdi", join(parts, " "), class_="name")


def link(label: object, **query: str) -> Markup:
    """A link to this page with a query."""
    return tag("a", label, href="/?" + urlencode(query, errors="replace") if query else "/")


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[object]], none: str = "") -> Markup:
    """A table whose first column names the row; a sentence where there is no row.

    The roles are written out: on a narrow screen rows become blocks, which would take a table's meaning away.
    """
    if not rows:
        return tag("p", none, class_="quiet")
    head = tag("tr", *(tag("th", h, scope="col", role="columnheader") for h in heads), role="row")
    body = [_row(heads, row) for row in rows]
    inner = tag(
        "table", tag("caption", caption), tag("thead", head, role="rowgroup"),
        tag("tbody", *body, role="rowgroup"), role="table",
    )  # fmt: skip
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _row(heads: Sequence[str], row: Sequence[object]) -> Markup:
    first = tag("th", row[0], scope="row", role="rowheader")
    cells = [
        tag("td", tag("div", cell), data_head=head, role="cell")
        for head, cell in zip(heads[1:], row[1:], strict=True)
    ]
    return tag("tr", first, *cells, role="row")


def facts(pairs: Iterable[tuple[object, object]], class_: str = "facts") -> Markup:
    """A list of terms and what they are."""
    return tag("dl", *(tag("div", tag("dt", term), tag("dd", what)) for term, what in pairs), class_=class_)

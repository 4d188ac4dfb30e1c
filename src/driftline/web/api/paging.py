"""Pages of a long list. A cursor names the last item's place in the order, not its number.

So a page goes on where the one before ended, whatever the views in between have added or dropped.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

from driftline.web.api.problems import Refused
from driftline.web.api.query import LIMIT, Query

Key = tuple[str | int, ...]
Keyed = tuple[Key, Any]
"""An item and its place in the order; keys of one list have the same types."""


def after(query: Query) -> Key | None:
    """The key that the page begins after; None: at the beginning.

    Raises
    ------
    Refused
        The cursor is none of ours.
    """
    cursor = query.one("cursor")
    try:
        return None if cursor is None else _decoded(cursor)
    except (ValueError, RecursionError, binascii.Error):
        raise Refused([("cursor", _BAD)]) from None


_BAD = "cursor is none that an answer's next link had; leave it out to begin anew"


def page(items: Iterable[Keyed], query: Query) -> tuple[list[Any], str | None]:
    """The items of one page, and the cursor of the next; None: there is no more.

    ``items`` come in the order of their keys, and no more of them are made than the page needs.
    """
    start, limit = after(query), query.one("limit", LIMIT)
    try:
        rest = (item for item in items if start is None or item[0] > start)
        shown = list(islice(rest, limit + 1))
    except TypeError:
        if start is None:
            raise
        raise Refused([("cursor", _BAD)]) from None  # the key of another list
    following = _encoded(shown[limit - 1][0]) if len(shown) > limit else None
    return [item for _key, item in shown[:limit]], following


def _encoded(key: Key) -> str:
    text = json.dumps(key, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _decoded(cursor: str) -> Key:
    raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    key = json.loads(raw)
    if not isinstance(key, list) or not all(isinstance(part, str | int) for part in key):
        raise ValueError("no key")
    return tuple(key)

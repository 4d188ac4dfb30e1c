"""Pages of a long list. A cursor names the last item's place in the order, not its number.

So a page goes on where the one before ended, whatever the views in between have added or dropped.
"""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from driftline.web.api.problems import Refused
from driftline.web.api.query import LIMIT, Query

Key = tuple[str | int, ...]
Keyed = tuple[Key, Any]
"""An item and its place in the order; keys of one list have the same types."""


def page(items: Iterable[Keyed], query: Query) -> tuple[list[Any], str | None]:
    """The items of one page in their order, and the cursor of the next; None: there is no more."""
    ordered = sorted(items, key=lambda item: item[0])
    start = 0
    if (cursor := query.one("cursor")) is not None:
        try:
            start = bisect_right(ordered, _decoded(cursor), key=lambda item: item[0])
        except (ValueError, TypeError, binascii.Error):
            raise Refused(
                [("cursor", "cursor is none that an answer's next link had; leave it out to begin anew")]
            ) from None
    shown = ordered[start : start + query.one("limit", LIMIT)]
    more = start + len(shown) < len(ordered)
    return [item for _key, item in shown], _encoded(shown[-1][0]) if shown and more else None


def _encoded(key: Key) -> str:
    text = json.dumps(key, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _decoded(cursor: str) -> Key:
    raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    key = json.loads(raw)
    if not isinstance(key, list) or not all(isinstance(part, str | int) for part in key):
        raise ValueError("no key")
    return tuple(key)

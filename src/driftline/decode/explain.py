"""What a person needs beside a reject's reason: which field it was, and what would have been right."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from driftline.decode.events import NEEDED, SHAPES, UNREADABLE, Unusable
from driftline.decode.mapped import MappedReader
from driftline.records import Headers, Kind
from driftline.settings import FieldPlace

Places = Sequence[tuple[str, FieldPlace]]

_SHOWN = 60
_FIELDS = 40
_ANSWERS = ("prediction", "score", "scores")
_NAMES = ("prediction_id", "model", "version")
_NAMED = (*_NAMES, "prediction", "label")
_TIME = "write RFC 3339 with an offset or Z, or whole milliseconds since 1970"

_GENERAL: Mapping[str, str] = {
    "empty": "the record has no value",
    "too_large": "the record is over limits.message_bytes",
    "not_utf8": "the value is no UTF-8 text",
    "bad_cloudevent": "an envelope of CloudEvents that is not version 1.0, or without an object as its data",
    "bad_arrow": "an Arrow stream that cannot be read to its end, or lacks a column that events need",
    "future": "its time is more than time.max_future ahead of the record's timestamp",
}


def explain(
    value: bytes | None, reason: str, kind: Kind, headers: Headers | None = None, places: Places = ()
) -> str | None:
    """One line about a rejected record; None: there is no more to say than the reason.

    Parameters
    ----------
    value
        The record's value, as it came.
    reason
        One of ``records.REJECT_REASONS``.
    kind
        What the events of its topic are.
    headers, places
        Of a format of the user's own: the record's headers, and where the fields stand.
    """
    if reason in _GENERAL:
        return _GENERAL[reason]
    try:
        document = json.loads(value or b"", parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return f"the value is no JSON: {error}" if reason == "not_json" else None
    if not isinstance(document, dict):
        return f"an event is a JSON object, and this is {_shown(document)}"
    event = _event(document, kind, headers, places)
    about = _BY_REASON.get(reason)
    return about(event, kind) if about and isinstance(event, dict) else None


def _event(document: dict[str, Any], kind: Kind, headers: Headers | None, places: Places) -> object:
    """The canonical event in a document: itself, the data of a CloudEvent, or what stands in its places."""
    if places:
        try:
            return MappedReader(kind, 0, places).canonical(document, headers)
        except Unusable:
            return None
    return document.get("data") if "specversion" in document and "model" not in document else document


def _no_constant(constant: str) -> object:
    raise ValueError(f"{constant} is no number of JSON; write null")


def _missing(event: dict[str, Any], kind: Kind) -> str | None:
    absent = [name for name in NEEDED[kind] if event.get(name) in (None, "")]
    if kind is Kind.LABEL and "label" not in event:
        absent.append("label (null takes one back)")
    if kind is Kind.PREDICTION and all(event.get(name) is None for name in _ANSWERS):
        absent.append(" or ".join(_ANSWERS))
    if absent:
        return f"there is no {', no '.join(absent)}; there are {_names(event) or 'no fields'}"
    return "the answer is there in a form that the model's task does not use: a class, or a number for a regression"


def _wrong_type(event: dict[str, Any], kind: Kind) -> str | None:
    try:
        msgspec.convert(event, SHAPES[kind])
    except UNREADABLE as error:
        return str(error).replace(" - at `$.", " in `")
    field = "label" if kind is Kind.LABEL else "prediction"
    given = ", ".join(
        f"{name} is {_shown(event[name])}" for name in (field, "score", "scores") if name in event
    )
    return f"{given}: no class or number that the model's task can use"


def _bad_time(event: dict[str, Any], kind: Kind) -> str:
    if event.get("time") is None:
        stamp = "has no timestamp" if kind is Kind.LABEL else "may not stand in for it (time.from_record)"
        return f"there is no time, and the record {stamp}"
    return f"time is {_shown(event['time'])}; {_TIME}"


def _unknown_class(event: dict[str, Any], kind: Kind) -> str:
    field = "label" if kind is Kind.LABEL else "prediction"
    return f"{field} is {_shown(event.get(field))}, which is not among the model's classes"


def _name(event: dict[str, Any], _kind: Kind) -> str:
    sizes = {name: len(str(event.get(name, "")).encode("utf-8", "surrogatepass")) for name in _NAMED}
    longest = max(sizes, key=sizes.__getitem__)
    return f"{longest} has {sizes[longest]} bytes; limits.name_bytes says how many it may have"


def _bad_name(event: dict[str, Any], _kind: Kind) -> str:
    odd = [name for name in _NAMES if _is_odd(str(event.get(name, "")))]
    return f"{', '.join(odd)} holds a zero byte or half a character"


def _is_odd(text: str) -> bool:
    return "\0" in text or any("\ud800" <= c <= "\udfff" for c in text)


_BY_REASON: Mapping[str, Callable[[dict[str, Any], Kind], str | None]] = {
    "missing_field": _missing,
    "wrong_type": _wrong_type,
    "bad_time": _bad_time,
    "unknown_class": _unknown_class,
    "name_too_long": _name,
    "bad_name": _bad_name,
}


def _names(event: Mapping[str, Any]) -> str:
    """Of the first fields; quoted where a terminal would do more than show them."""
    shown = [name if name.isprintable() and len(name) <= _SHOWN else _shown(name) for name in event]
    return ", ".join(shown[:_FIELDS]) + (", …" if len(shown) > _FIELDS else "")


def _shown(value: object) -> str:
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError):  # digits or depth without end
        return "a value too large to be shown"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

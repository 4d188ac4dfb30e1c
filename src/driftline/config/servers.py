"""Addresses of brokers, as librdkafka reads them: without a port it is 9092, what follows a slash is ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from driftline.config.messages import shown

_ENTRY = re.compile(
    r"""(?:(?P<protocol>[a-zA-Z_0-9+.-]+)://)?
        (?P<host>\[[^\[\]\s]+\]|[^\[\]\s:;/]*|[0-9a-fA-F.]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*)
        (?:\s*:\s*(?P<port>[^:/]*?)\s*)?
        (?:/.*)?""",
    re.VERBOSE,
)
PROTOCOLS = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
_LIKE = 'host:port, with commas between several, as "a:9092,b:9092"'


def servers(value: Any) -> str:
    """The text of ``bootstrap_servers``; one in which librdkafka would find a broker that cannot be is none.

    Raises
    ------
    ValueError
        With what would be right.
    """
    if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        raise ValueError(f'found a list; write them as one text: "{",".join(value)}"')
    if not isinstance(value, str) or not value.strip(" ,"):
        raise ValueError(f"found {shown(value)}; write {_LIKE}")
    for entry in _entries(value):
        _check(entry)
    return value


def foreign_protocol(value: str, security: str) -> str | None:
    """The first protocol that is not ``security.protocol``, where all are such: librdkafka leaves those brokers out.

    None too where ``security`` is no protocol itself.
    """
    named = [found["protocol"] or security for e in _entries(value) if (found := _ENTRY.fullmatch(e))]
    known = security.lower() in PROTOCOLS
    return named[0] if known and security.lower() not in (p.lower() for p in named) else None


def _entries(value: str) -> Iterator[str]:
    return (entry.strip() for entry in value.split(",") if entry.strip())


def _check(entry: str) -> None:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        parts = [part for part in re.split(r"[;\s]+", entry) if part]
        several = len(parts) > 1 and all(_ENTRY.fullmatch(part) for part in parts)
        hint = f'"{",".join(parts)}"' if several else _LIKE
        raise ValueError(f"{shown(entry)} is not the address of a broker; write {hint}")
    host, protocol, port = found["host"] or "localhost", found["protocol"], found["port"]
    if protocol is not None and protocol.lower() not in PROTOCOLS:
        raise ValueError(
            f'{shown(entry)} begins with a protocol that no broker speaks; write "{host}:{port or 9092}"'
        )
    if port is not None and not (port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f'{shown(entry)} has a port that is none of 1…65535; write "{host}:9092"')

"""What librdkafka will not take of ``kafka.properties``, found without reaching for a broker.

It is asked, rather than described: it knows the properties of its own version and build.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer

from driftline.config.librdkafka import Refusal
from driftline.config.messages import shown, unknown
from driftline.sources import properties as props
from driftline.sources.property_names import CHOICES, NAMES

_END = "driftline.end"
"""No property of librdkafka's: with it at the end, everything before it is looked at and no client is made."""
_NEAR = 0.75
_RANGE = re.compile(r"is outside allowed range (-?\d+)\.\.(-?\d+)")
_NO_NUMBER = "Invalid value for"
_HALF_A_NUMBER = re.compile(r"-?\d+(?=[^\dxX])")
_NOT_FROM_A_FILE = "it is a function of the program's; a file cannot give one, leave it out"
_PREFIX = re.compile(r"^Failed to create (consumer|producer): ")
_DROPPED = ("bootstrap.servers", "debug", "test.mock.num.brokers")
"""What would reach out, or write to the terminal."""


def alone(properties: Mapping[str, str], secret: Collection[str]) -> list[Refusal]:
    """Each property that librdkafka takes with no other; values of those in ``secret`` are not shown."""
    plugins = {k: v for k, v in properties.items() if k == "plugin.library.paths"}
    answers = {key: _answer({**plugins, key: value}) for key, value in properties.items()}
    refused = [
        Refusal(key, _reason(key, properties[key], answer, hidden=key in secret))
        for key, answer in answers.items()
        if f'"{_END}"' not in answer
    ]
    halves = {k: n for k, v in properties.items() if (n := _HALF_A_NUMBER.match(v)) and k not in secret}
    return refused or [
        Refusal(
            key,
            f"librdkafka reads {shown(properties[key])} as {half[0]}; write the whole number",
            doubtful=True,
        )
        for key, half in halves.items()
        if _answer({key: "none"}).startswith(_NO_NUMBER)
    ]


def _answer(settings: Mapping[str, str]) -> str:
    try:
        Producer({**settings, _END: ""})
    except KafkaException as error:
        return str(error.args[0].str())
    except (TypeError, ValueError, AttributeError):
        return _NOT_FROM_A_FILE
    raise AssertionError(f"librdkafka has a property {_END}")


def _reason(key: str, value: str, answer: str, *, hidden: bool) -> str:
    """librdkafka's answer in our words; its own may hold the value."""
    found = "the value" if hidden else shown(value)
    if answer.startswith("No such configuration property"):
        near = get_close_matches(key, NAMES, 1, _NEAR)
        return f"librdkafka has no such property; {unknown(key, near) if near else 'leave it out'}"
    if answer.startswith("Expected bool"):
        return f"{found} is not true or false"
    if limits := _RANGE.search(answer):
        return f"{found} is out of range; write a number from {limits[1]} to {limits[2]}"
    if key in CHOICES:
        return f"{found} is none of its values; {unknown(value.lower(), CHOICES[key])}"
    if answer.startswith(_NO_NUMBER):
        return f"{found} is not a whole number"
    if answer.startswith("Invalid value"):
        return f"librdkafka does not take {found}"
    return "librdkafka does not take it" if hidden and value in answer else answer


def together(
    properties: Mapping[str, str], secret: Collection[str], producing: Mapping[str, Any]
) -> list[Refusal]:
    """Properties that are right one by one, and that no client can be made of.

    A consumer and a producer (with ``producing`` on top) are made and closed at once, without any broker to reach.
    With OIDC a client would ask for its token already, so none is made.
    """
    if properties.get("sasl.oauthbearer.method", "").lower() == "oidc":
        return []
    found = dict.fromkeys(_objections(properties, producing))
    return [_placed(_PREFIX.sub("", text), properties, secret) for text in found]


def _objections(properties: Mapping[str, str], producing: Mapping[str, Any]) -> Iterator[str]:
    # Kerberos would run kinit as soon as there is a client.
    quiet = {"log_level": 0, "sasl.kerberos.min.time.before.relogin": 0}
    consuming = {**props.consumer("", "driftline", properties), **quiet}
    try:
        Consumer({k: v for k, v in consuming.items() if k not in _DROPPED}).close()
    except (KafkaException, ValueError, TypeError) as error:
        yield _text(error)
        return
    try:
        Producer({k: v for k, v in {**properties, **producing, **quiet}.items() if k not in _DROPPED})
    except (KafkaException, ValueError, TypeError) as error:
        yield _text(error)


def _text(error: Exception) -> str:
    with suppress(AttributeError):
        return str(error.args[0].str()).strip()
    return str(error)


def _placed(text: str, properties: Mapping[str, str], secret: Collection[str]) -> Refusal:
    """At the property that is spoken of, if one is.

    Whether a file is there, and what librdkafka was built with, may be otherwise where the daemon runs.
    """
    hidden = [value for key, value in properties.items() if key in secret and len(value) > 3]
    if any(value in text for value in hidden):
        text = "no client can be made of them"
    named = [key for key in properties if key in text]
    valued = [
        key for key in properties.keys() - set(secret) if properties[key] in re.findall(r"[\w.-]+", text)
    ]
    key = max(named, key=len) if named else valued[0] if len(valued) == 1 else ""
    return Refusal(key, f"librdkafka: {text}", doubtful=key.endswith(".location") or "recompile" in text)

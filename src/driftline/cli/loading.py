"""The configuration as the daemon will use it: librdkafka is asked about ``kafka.properties``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from driftline.config.librdkafka import Refusal
from driftline.config.model import Config
from driftline.config.parse import load_config


def load_for_kafka(path: Path, env: Mapping[str, str]) -> Config:
    """As ``load_config``, with the mistakes that librdkafka would end the daemon for.

    Raises
    ------
    ConfigError
        With all mistakes at once.
    """
    return load_config(path, env, _refused)


def _refused(properties: Mapping[str, str], secret: Collection[str]) -> Iterable[Refusal]:
    # Most configurations have no properties, and need no librdkafka to be checked.
    from driftline.sinks.publisher import OWN
    from driftline.sources import refusals

    found = refusals.alone(properties, secret)
    return (
        found if any(not r.doubtful for r in found) else [*found, *refusals.together(properties, secret, OWN)]
    )

"""What is valid and surely not meant: remarks that change no exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from driftline.config.doubts.metrics import metrics_doubts
from driftline.config.doubts.models import model_doubts
from driftline.config.doubts.references import Found, find, reference_doubts
from driftline.config.doubts.rules import rule_doubts
from driftline.config.doubts.state import state_doubts
from driftline.config.doubts.streams import stream_doubts
from driftline.config.doubts.traffic import traffic_doubts
from driftline.config.messages import Place
from driftline.config.model import Config
from driftline.errors import Problem

Doubt = tuple[Place, str]


def references_of(config: Config) -> dict[str, Found]:
    """By entry under ``models``: the references that it names, read where they are there."""
    return {m.match: find(m) for m in config.models}


def doubts(config: Config, found: Mapping[str, Found] | None = None) -> list[Problem]:
    """All remarks on a configuration, each with its place and line, in the order of the file.

    ``found`` are its references, for whoever has read them already.
    """
    found = references_of(config) if found is None else found
    origins = config.notes.origins
    said = dict.fromkeys(_all(config, found))
    ordered = sorted(said, key=lambda doubt: origins.order(doubt[0]))
    return [origins.problem(*doubt) for doubt in ordered]


def _all(config: Config, found: Mapping[str, Found]) -> Iterator[Doubt]:
    yield from config.notes.remarks
    yield from stream_doubts(config)
    yield from metrics_doubts(config)
    yield from state_doubts(config)
    streams = {s.name: s for s in config.streams}
    for model in config.models:
        place = config.notes.places["model", model.match]
        stream = streams[model.stream]
        yield from model_doubts(config, model, stream, place)
        yield from reference_doubts(model, found[model.match], place)
        yield from traffic_doubts(model, found[model.match], place)
    if not config.notes.default_rules:
        for rule in config.rules:
            yield from rule_doubts(config, rule, found)

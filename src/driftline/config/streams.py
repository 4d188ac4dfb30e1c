"""Streams and formats: what their parts must be to each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from driftline.config.formats import FormatShape, places_of
from driftline.config.messages import Place, unknown
from driftline.config.models import Mistake
from driftline.config.shape import StreamShape, TimeShape, TopicsShape
from driftline.settings import StreamSettings, TimeSettings

_MAPPINGS = ("features", "scores", "segments")
FORMATS = ("driftline",)
"""Decoders that there are."""


def stream_mistakes(streams: Mapping[str, StreamShape], formats: Collection[str]) -> Iterator[Mistake]:
    """Mistakes between streams, and between a stream and the formats."""
    first: dict[str, str] = {}
    for name, shape in streams.items():
        if not (shape.predictions or shape.features):
            yield ("streams", name), "reads nothing; name topics under predictions or features"
        yield from _format_mistakes(name, shape.format, formats)
        for kind in ("predictions", "labels", "features"):
            for index, topic in enumerate(getattr(shape, kind)):
                if topic in first:
                    place: Place = ("streams", name, kind, index)
                    yield (
                        place,
                        f'topic "{topic}" is read by {first[topic]} already; a topic has one stream and kind',
                    )
                first.setdefault(topic, f"streams.{name}.{kind}")


def _format_mistakes(stream: str, name: str, formats: Collection[str]) -> Iterator[Mistake]:
    if name in FORMATS:
        return
    if name not in formats:
        yield (
            ("streams", stream, "format"),
            f'no format is named "{name}"; {unknown(name, [*FORMATS, *formats])}',
        )


def format_mistakes(formats: Mapping[str, FormatShape]) -> Iterator[Mistake]:
    """Mistakes of a format as a whole."""
    for name, shape in formats.items():
        place: Place = ("formats", name)
        if name in FORMATS:
            yield place, f"{name} is the built-in format; choose another name"
        named = {field: where for field, where in shape if where is not None}
        if not named:
            yield place, "says of no field where it stands; write at least one, as score: $.p"
        for field, where in named.items():
            if where.unit is not None and field != "time":
                yield (*place, field, "unit"), f"{field} has no unit; only time has one"
            if where.header is not None and field in _MAPPINGS:
                yield (*place, field, "header"), f"{field} is a mapping, which no header holds; write a path"


def own_topic_mistakes(topics: TopicsShape, streams: Iterable[StreamSettings]) -> Iterator[Mistake]:
    """Topics that the daemon would both write and read."""
    for stream in streams:
        for kind in ("predictions", "labels", "features"):
            for name, topic in dict(topics).items():
                if topic in getattr(stream, kind):
                    yield (
                        ("kafka", "topics", name),
                        (
                            f'topic "{topic}" is read by streams.{stream.name}.{kind}: what is written there would be '
                            "read as an event; choose another name"
                        ),
                    )


def make_stream(name: str, shape: StreamShape, own: FormatShape | None) -> StreamSettings:
    """The settings of a stream without mistakes; ``own`` is its format, where that is the user's."""
    return StreamSettings(
        name=name, predictions=shape.predictions, labels=shape.labels, features=shape.features,
        format=shape.format, places=places_of(own) if own is not None else (), time=_time(shape.time),
    )  # fmt: skip


def _time(shape: TimeShape) -> TimeSettings:
    return TimeSettings(
        step_ms=shape.step, out_of_orderness_ms=shape.out_of_orderness,
        allowed_lateness_ms=shape.allowed_lateness, max_future_ms=shape.max_future,
        max_skew_ms=shape.max_skew, idle_after_ms=shape.idle_after, from_record=shape.from_record,
    )  # fmt: skip

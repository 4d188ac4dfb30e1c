"""A draft of ``formats``: where the fields of an event seem to stand in JSON of a user's own, each with its reason.

A guess that people are shown, and nothing that a program acts on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from driftline.config.formats import FormatShape, path_text, places_of
from driftline.onboarding import fits
from driftline.onboarding.documents import Spot, Steps, is_scalar, spots_of
from driftline.reference import names
from driftline.settings import FieldPlace

Documents = Sequence[Mapping[str, Any]]

_MODEL = ("model", "model_name", "model_id")
_VERSION = ("model_version", "version")
_TIME = (*names.TIME, "at", "when")
_FEATURES = ("features", "inputs", "input", "in", "x", "feature_values", "instance")
_SCORE = (*names.SCORE, "probabilities", "probs", "p")
_SCORES = ("scores", "probabilities", "class_probabilities", "probs")
_LABEL = (*names.LABEL, "result")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field seems to stand, as it is written in a configuration, and why."""

    where: Mapping[str, str]
    """Keys of ``formats.NAME.FIELD``."""
    why: str


@dataclass(slots=True)
class Draft:
    """The fields that were found, and what is to be said of the others."""

    fields: dict[str, Place] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    """What is missing, or cannot be read where it is."""
    unused: list[str] = field(default_factory=list)
    """Paths of values that no field takes."""

    @property
    def from_record(self) -> bool:
        """No document has a time that can be read, so that the record's own must do."""
        return "time" not in self.fields

    @property
    def places(self) -> tuple[tuple[str, FieldPlace], ...]:
        """As a stream reads by it."""
        shape = {name: dict(place.where) for name, place in self.fields.items()}
        return places_of(FormatShape.model_validate(shape))


def draft_of(
    predictions: Documents, labels: Documents, model: str, headers: Mapping[str, bytes | None] | None = None
) -> Draft:
    """Guess from documents.

    Parameters
    ----------
    predictions, labels
        JSON objects of their topics; there may be no labels.
    model
        Its name, where no event tells it.
    headers
        Of one record.
    """
    drafting = _Drafting(spots_of(predictions), len(predictions))
    drafting.find_features()
    drafting.find("model", _MODEL, fits.name)
    drafting.find("version", _VERSION, fits.name)
    drafting.find("prediction_id", names.ID, lambda spot: fits.ident(spot, len(predictions)))
    drafting.find_time()
    drafting.find("score", _SCORE, fits.probability)
    drafting.find("scores", _SCORES, fits.probabilities)
    drafting.find("prediction", names.PREDICTION, fits.answer)
    drafting.find_widest_object()
    drafting.find_headers(headers or {})
    if labels:
        drafting.find_label(spots_of(labels))
    return drafting.finished(model)


class _Drafting:
    """Takes one field after the other, so that no place has two meanings."""

    def __init__(self, spots: Mapping[Steps, Spot], count: int) -> None:
        self._spots = spots
        self._count = count
        self._taken: set[Steps] = set()
        self._draft = Draft()

    def find(self, name: str, known: tuple[str, ...], fitting: Callable[[Spot], bool]) -> None:
        """The place with the best name among those whose values can be it."""
        spot = next((s for s in self._ranked(known) if fitting(s)), None)
        if spot is not None:
            self._take(name, spot, f"{fits.shown(spot)}, by its name and values{fits.position(spot)}")

    def find_time(self) -> None:
        """A time and its unit; one that cannot be read is told."""
        for spot in self._ranked(_TIME):
            unit, why = fits.time(spot)
            if why is not None:
                more = {} if unit is None else {"unit": unit}
                self._take("time", spot, f"{fits.shown(spot)}, {why}", **more)
                return
            if fits.local_time(spot):
                self._draft.remarks.append(
                    f"{path_text(spot.steps)} ({fits.shown(spot)}) may be the time and has no offset: no format reads it; "
                    "send RFC 3339 with an offset or Z, or epoch numbers"
                )

    def find_features(self) -> None:
        """The object that by its name holds them: first, since no value in it has another meaning."""
        objects = [s for s in self._ranked(_FEATURES) if fits.mapping(s)]
        if objects:
            self._take("features", objects[0], f"by its name; {self._inside(objects[0])}")
        lists = [s for s in self._ranked(_FEATURES) if isinstance(s.values[0], list)]
        if lists and not objects:
            self._draft.remarks.append(
                f"features at {path_text(lists[0].steps)} are a list: only a mapping has names to go by"
            )

    def find_widest_object(self) -> None:
        """For features that no name tells of: the object with the most values left, which may be the whole document."""
        if "features" in self._draft.fields:
            return
        spots = [s for s in self._spots.values() if fits.mapping(s) and not self._is_taken(s.steps)]
        best = max(spots, key=lambda s: (len(self._values_in(s)), -len(s.steps)), default=None)
        if best is not None and self._values_in(best):
            self._take(
                "features", best, f"the object with the most values of no other meaning: {self._inside(best)}"
            )

    def find_headers(self, headers: Mapping[str, bytes | None]) -> None:
        """Names that no document has, in the headers of records."""
        for name, known in (("prediction_id", names.ID), ("model", _MODEL), ("version", _VERSION)):
            found = names.ranked(headers, known)
            if name not in self._draft.fields and found:
                self._draft.fields[name] = Place({"header": found[0]}, "a header of the records, by its name")

    def find_label(self, labels: Mapping[Steps, Spot]) -> None:
        """The truth, in the documents of the labels; what both kinds have must stand at the same place."""
        spot = next((s for s in _ranked(labels, _LABEL) if fits.answer(s)), None)
        if spot is None:
            self._draft.remarks.append(f"no field of the labels looks like the truth: {_some(labels)}")
        else:
            where = {"path": path_text(spot.steps)}
            self._draft.fields["label"] = Place(where, f"{fits.shown(spot)} in the labels, by its name")
        for name in ("prediction_id", "time", "model"):
            self._hold_against(labels, name)

    def _hold_against(self, labels: Mapping[Steps, Spot], name: str) -> None:
        place = self._draft.fields.get(name)
        there = {path_text(steps) for steps in labels}
        if place is not None and "path" in place.where and place.where["path"] not in there:
            self._draft.remarks.append(
                f"labels have no {name} at {place.where['path']}, where predictions have it ({_some(labels)}): "
                "a stream has one format, so both must have it at one place"
            )

    def finished(self, model: str) -> Draft:
        """With what is missing, and what is left over."""
        draft = self._draft
        draft.fields.setdefault("model", Place({"default": model}, "assumed: no field looks like it"))
        if "prediction_id" not in draft.fields:
            draft.remarks.append(
                "no field looks like an id that each event has once: without one no label can be joined"
            )
        if not {"prediction", "score", "scores"} & draft.fields.keys():
            draft.remarks.append("no field looks like the model's answer (prediction, score or scores)")
        if draft.from_record:
            draft.remarks.append(
                "no field is a time that can be read: the records' own timestamps stand for it"
            )
        if () not in self._taken:
            free = (
                s.steps
                for s in self._spots.values()
                if is_scalar(s.values[0]) and not self._is_taken(s.steps)
            )
            draft.unused += map(path_text, free)
        return draft

    def _ranked(self, known: tuple[str, ...]) -> list[Spot]:
        return _ranked({steps: s for steps, s in self._spots.items() if not self._is_taken(steps)}, known)

    def _take(self, name: str, spot: Spot, why: str, **more: str) -> None:
        everywhere = len(spot.values) == self._count
        rare = "" if everywhere else f"; {len(spot.values)} of {self._count} records have it"
        self._draft.fields[name] = Place({"path": path_text(spot.steps), **more}, why + rare)
        self._taken.add(spot.steps)

    def _is_taken(self, steps: Steps) -> bool:
        return any(steps[: len(taken)] == taken for taken in self._taken if taken)

    def _values_in(self, spot: Spot) -> list[str]:
        """Names of single values right in an object that have no other meaning."""
        depth = len(spot.steps)
        return [
            str(s.steps[-1]) for s in self._spots.values()
            if len(s.steps) == depth + 1 and s.steps[:depth] == spot.steps and is_scalar(s.values[0])
            and not self._is_taken(s.steps)
        ]  # fmt: skip

    def _inside(self, spot: Spot) -> str:
        found = self._values_in(spot)
        return f"{len(found)} values, {fits.listed(found)}"


def _ranked(spots: Mapping[Steps, Spot], known: tuple[str, ...]) -> list[Spot]:
    """The places that have one of the known names, best first."""
    ranks = [(spot.rank(known), at, spot) for at, spot in enumerate(spots.values())]
    return [spot for _, _, spot in sorted((r, at, s) for r, at, s in ranks if r is not None)]


def _some(spots: Mapping[Steps, Spot]) -> str:
    return f"there are {fits.listed([path_text(s.steps) for s in spots.values() if is_scalar(s.values[0])])}"

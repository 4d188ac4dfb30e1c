"""What ``driftline init --topic`` says of a topic whose events are JSON of one's own: a draft of how to read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import msgspec

from driftline.cli.init_options import Choices
from driftline.decode.events import UNREADABLE
from driftline.onboarding.draft import Draft, draft_of
from driftline.onboarding.draft_text import draft_text
from driftline.onboarding.sample import Record, sample_of
from driftline.settings import Limits

_FILE = "ours.yaml"


def show_draft(predictions: Sequence[Record], labels: Sequence[Record], choices: Choices) -> bool:
    """Print a draft of ``formats`` on stdout; False where the records are no JSON objects to guess from."""
    documents = _documents(predictions)
    if not documents:
        return False
    headers = dict(predictions[-1].headers or ())
    draft = draft_of(documents, _documents(labels), choices.model or choices.topic or "", headers)
    topics = {"predictions": choices.topic or ""}
    if choices.labels_topic:
        topics["labels"] = choices.labels_topic
    click.echo(draft_text(draft, _head(draft, predictions, labels, choices), topics), nl=False)
    return True


def _documents(records: Sequence[Record]) -> list[dict[str, Any]]:
    found = []
    for record in records:
        try:
            document = msgspec.json.decode(record.value or b"")
        except UNREADABLE:
            continue
        if isinstance(document, dict):
            found.append(document)
    return found


def _head(
    draft: Draft, predictions: Sequence[Record], labels: Sequence[Record], choices: Choices
) -> list[str]:
    """What it is, how good it is, and what to do with it."""
    read = sample_of(predictions, labels, Limits().message_bytes, None, None, draft.places)
    usable = sum(read.versions.values())
    truth = f", and {len(labels) - sum(read.unread.values())} of {len(labels)} labels" if labels else ""
    labels_topic = f" --labels-topic {choices.labels_topic}" if choices.labels_topic else ""
    command = f"driftline init --topic {choices.topic}{labels_topic} --bootstrap-servers {choices.bootstrap_servers}"
    return [
        f"A draft, guessed from {len(predictions)} records of {choices.topic}: look at every line before you use it.",
        f"With it, {usable} of {len(predictions)} records are predictions{truth}.",
        f"Write it to {_FILE}, and go on with: {command} --format {_FILE}",
    ]

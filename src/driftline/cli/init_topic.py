"""``driftline init --topic``: a sample of the newest events, as a file like any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click
from confluent_kafka import Message

from driftline.cli.init_draft import show_draft
from driftline.cli.init_options import Choices
from driftline.config.secrets import read_properties
from driftline.decode.explain import explain
from driftline.errors import UsageError
from driftline.onboarding.sample import Record, Sample, sample_of
from driftline.records import Kind
from driftline.settings import Limits
from driftline.sources.newest import Look


def read_topic(choices: Choices, folder: Path) -> Choices:
    """The choices with the sample as their data, and the model that it is of."""
    topic = choices.topic or ""
    servers = choices.bootstrap_servers or ""
    properties = read_properties(choices.properties, Path()).values
    predictions = _newest(servers, properties, topic, choices.count)
    labels = _newest(servers, properties, choices.labels_topic, choices.count) if choices.labels_topic else []
    sample = sample_of(
        predictions, labels, Limits().message_bytes, choices.model, choices.version, choices.places
    )
    _check(sample, topic, predictions, labels, choices)
    click.echo(_said(sample, topic, choices), err=True)
    path = folder / "sample.jsonl"
    path.write_bytes(b"".join(sample.lines))
    return replace(
        choices, data=path, model=sample.model, version=sample.version, from_record=sample.from_record
    )


def _newest(servers: str, properties: Mapping[str, str], topic: str, count: int) -> list[Record]:
    look = Look(bootstrap_servers=servers, topics=[topic], properties=properties, count=count)
    try:
        return [_record(message) for message in look.records()]
    finally:
        look.close()


def _record(message: Message) -> Record:
    try:
        headers = message.headers()
    except ValueError:
        headers = None
    return Record(message.value(), headers, message.timestamp()[1])  # type: ignore[arg-type]


def _check(
    sample: Sample, topic: str, predictions: list[Record], labels: list[Record], choices: Choices
) -> None:
    if not predictions:
        raise UsageError(f"{topic} is empty; produce some predictions, or start from a file of them")
    if sample.lines:
        return
    if sample.versions:
        raise UsageError(
            f"{topic} has no events of {choices.model}/{choices.version or 'any version'}; it has {_listed(sample.versions)}"
        )
    reasons = ", ".join(f"{count} {reason}" for reason, count in sample.rejected.most_common())
    drafted = not choices.own_format and show_draft(predictions, labels, choices)
    remedy = "a draft of a format that reads them stands on stdout; " if drafted else ""
    raise UsageError(
        f"{topic}: none of {len(predictions)} records is a prediction as driftline reads them ({reasons})"
        f"{_of_the_newest(predictions[-1], sample, choices)}; {remedy}"
        f"driftline tap {topic} --bootstrap-servers {choices.bootstrap_servers} shows them beside what was read"
    )


def _of_the_newest(record: Record, sample: Sample, choices: Choices) -> str:
    """What the newest record lacks, and what it has instead."""
    reason = sample.rejected.most_common(1)[0][0]
    why = explain(record.value, reason, Kind.PREDICTION, record.headers, choices.places)
    return f": {why}" if why else ""


def _said(sample: Sample, topic: str, choices: Choices) -> str:
    lines = [
        f"{topic}: {len(sample.lines)} events of {sample.model}/{sample.version}, {sample.labelled} with a label"
    ]
    others = Counter(
        {key: count for key, count in sample.versions.items() if key != (sample.model, sample.version)}
    )
    if others:
        lines.append(f"also there (choose with --model and --version): {_listed(others)}")
    if sample.rejected:
        lines.append(f"not usable: {', '.join(f'{c} {r}' for r, c in sample.rejected.most_common())}")
    if sample.unread:
        unread = ", ".join(f"{c} {r}" for r, c in sample.unread.most_common())
        lines.append(f"{choices.labels_topic}: not usable as labels: {unread}")
    if sample.from_record:
        lines.append(
            "assumed: events without a time happened when their record was written (time.from_record)"
        )
    if choices.labels_topic is None:
        lines.append("no --labels-topic: performance will not be measured")
    lines.append(
        "the reference is of these events: build one from validated data as soon as you can (driftline reference build)"
    )
    return "\n".join(lines)


def _listed(versions: Counter[tuple[str, str]]) -> str:
    return ", ".join(f"{model}/{version} ({count})" for (model, version), count in versions.most_common(10))

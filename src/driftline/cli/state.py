"""``driftline state``: what a state file holds, copies of it, and whether it is sound. Beside a daemon too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from driftline.instants import FIRST_MS, LAST_MS, rfc3339
from driftline.records import Blob
from driftline.rules import machine
from driftline.store.backup import backup
from driftline.store.checking import verify
from driftline.store.rows import OutboxRow, Stored, Summary
from driftline.store.sqlite import SqliteStore

_LONGEST = 80


@click.group("state")
def state() -> None:
    """Look into a state file, copy it, check it."""


@state.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def backup_command(file: Path, out: Path) -> None:
    """Copy FILE to OUT, while the daemon runs too: of one moment, checked, never over another file."""
    size = backup(file, out)
    report = verify(out)
    print(f"{out}: {size:,} bytes, {sum(report.rows.values()):,} rows, all checksums match")


@state.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
def verify_command(file: Path) -> None:
    """Check the pages, tables, rows and checksums of FILE; exit 3 at the first that is not sound."""
    report = verify(file)
    print(f"{file}: format {report.format_version}, {report.size_bytes:,} bytes")
    print(f"pages: {report.pages:,}, sound")
    print("tables: as they were made")
    for table, rows in sorted(report.rows.items()):
        print(f"{table}: {rows:,} row{'' if rows == 1 else 's'}, every checksum matches")
    print("manifest: no row is missing")


@state.command("show")
@click.argument("file", type=click.Path(path_type=Path))
def show(file: Path) -> None:
    """What FILE holds: offsets, watermarks, models, rule states, outbox."""
    store = SqliteStore.peek(file)
    try:
        summary = store.summary()
    finally:
        store.close()
    console = Console()
    console.print(f"{escape(str(file))}: format {summary.format_version}, {summary.size_bytes:,} bytes")
    for table in tables(summary):
        console.print(table)


def tables(summary: Summary) -> list[Table]:
    """What is shown, in this order."""
    stored = summary.stored
    return [_partitions(stored), _models(stored), _rules(stored), _outbox(stored.outbox), _blocks(summary)]


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    table = Table(*heads, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(escape(_text(cell)) for cell in row))
    return table


def _text(cell: object) -> str:
    text = str(cell)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _instant(at_ms: int | None) -> str:
    """An instant, or a dash where there is none yet (also when a sentinel outside all dates is stored)."""
    return "-" if at_ms is None or not FIRST_MS <= at_ms <= LAST_MS else rfc3339(at_ms)


def _partitions(stored: Stored) -> Table:
    rows = [
        (r.stream, r.topic, r.partition, r.next_offset, _instant(r.watermark_ms), r.topic_id or "-")
        for r in stored.partitions
    ]
    return _table(
        "Partitions", ("stream", "topic", "partition", "next offset", "watermark", "topic id"), rows
    )


def seen(stored: Stored) -> list[tuple[str, dict[str, object]]]:
    """(stream, {model, version, monitored, events}) of every model that was seen."""
    found = []
    for stream, blobs in sorted(stored.blobs.items()):
        blob = blobs.get(("meta", "models"), Blob(1))
        found += [(stream, model) for model in blob.data.get("seen", [])]
    return found


def _models(stored: Stored) -> Table:
    rows = [
        (m["model"], m["version"], "yes" if m["monitored"] else "no", m["events"]) for _, m in seen(stored)
    ]
    return _table("Models", ("model", "version", "monitored", "events"), rows)


def _rules(stored: Stored) -> Table:
    rows = []
    for stream, blobs in sorted(stored.blobs.items()):
        data = blobs.get(("rule_state", "rules"), Blob(1)).data
        slots = ["/".join(slot) for slot in data.get("slots", [])]
        for row in data.get("instances", []):
            held = machine.from_row(row["state"])
            instants = held.active_since_ms, held.fired_at_ms, held.last_judged_ms
            binding = ", ".join(f"{name}={value}" for name, value in row["binding"].items()) or "-"
            told = (stream, slots[row["slot"]], row["name"], binding, held.phase, held.number)
            rows.append((*told, *map(_instant, instants)))
    heads = ("stream", "model", "rule", "about", "state", "episodes", "true since", "fired", "judged")
    return _table("Rules", heads, rows)


def _outbox(rows: Sequence[OutboxRow]) -> Table:
    cells = [(r.seq, r.stream, r.message.topic, r.message.id, _instant(r.created_ms)) for r in rows]
    return _table("Outbox, not sent yet", ("number", "stream", "topic", "id", "created"), cells)


def _blocks(summary: Summary) -> Table:
    rows = [(s, t, n, f"{size:,}") for s, t, n, size in summary.blocks]
    return _table("Blocks", ("stream", "table", "blocks", "bytes"), rows)

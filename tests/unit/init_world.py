"""Data as people bring it: a bank's campaign without times, Elec2 as one wide file, houses, animals."""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from driftline.cli import invoke

BANK = "age,job,marital,default,balance,housing,contact,day,month,duration,campaign,poutcome,y_pred,y_score,y"


def write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    """One file with a head."""
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(head)
        writer.writerows(rows)
    return path


def bank(path: Path, rows: int = 6000, seed: int = 7) -> Path:
    """Like the bank-marketing data: texts, whole numbers, an empty contact, and no time at all."""
    rng = random.Random(seed)
    return write_csv(
        path, BANK.split(","), (_client(rng, moved=number > rows * 2 // 3) for number in range(rows))
    )


def _client(rng: random.Random, *, moved: bool) -> list[Any]:
    balance = round(rng.gauss(-1800 if moved else 1200, 2500))
    duration = int(rng.expovariate(1 / 250)) * (2 if moved else 1)
    chance = 1 / (1 + 2.718281828 ** (2.6 - duration / 300 - balance / 9000))
    truth = "yes" if rng.random() < chance * (0.4 if moved else 1) else "no"
    return [
        rng.randint(18, 90), rng.choice(["admin.", "technician", "services", "retired"]), rng.choice(["married", "single"]),
        rng.choice(["no"] * 30 + ["yes"]), balance, rng.choice(["yes", "no"]), rng.choice(["cellular", "telephone", ""]),
        rng.randint(1, 31), rng.choice(["jan", "feb", "mar"]), duration, rng.randint(1, 12),
        rng.choice(["success", "failure", "unknown"]), "yes" if chance > 0.5 else "no", round(chance, 4), truth,
    ]  # fmt: skip


def elec2(path: Path) -> Path:
    """The market and the model's answers side by side, as they were downloaded: answers 0 and 1, labels UP and DOWN."""
    market, answers = (list(csv.reader(_packed(f"elec2{name}.csv.gz"))) for name in ("", "_predictions"))
    rows = ([*a, *b[2:]] for a, b in zip(market[1:], answers[1:], strict=True))
    return write_csv(path, [*market[0], *answers[0][2:]], rows)


def _packed(name: str) -> io.TextIOWrapper:
    raw = files("driftline.data").joinpath(name).read_bytes()
    return io.TextIOWrapper(gzip.open(io.BytesIO(raw)), encoding="utf-8")


def houses(path: Path, rows: int = 3000) -> Path:
    """A regression, timed in epoch seconds, with truths that come weeks later."""
    rng = random.Random(3)
    start_s = 1_767_225_600
    head = ["created_at", "sale id", "rooms", "area", "Predicted Value", "actual", "known_at"]
    made = []
    for number in range(rows):
        area = rng.uniform(40, 200)
        when = start_s + number * 600
        price = 2000 * area + rng.gauss(0, 1e4)
        made.append(
            [
                when,
                f"s{number}",
                rng.randint(1, 8),
                f"{area:.1f}",
                f"{2000 * area:.0f}",
                f"{price:.0f}",
                when + 20 * 86_400,
            ]
        )
    return write_csv(path, head, made)


def animals(path: Path, rows: int = 3000) -> Path:
    """Three classes, without an id, timed by text."""
    rng = random.Random(5)
    names = ("cat", "dog", "owl")
    made = []
    for number in range(rows):
        truth = rng.choice(names)
        answer = truth if rng.random() < 0.8 else rng.choice(names)
        minute = number * 5
        when = f"2026-01-{1 + minute // 1440:02d} {minute // 60 % 24:02d}:{minute % 60:02d}:00"
        made.append([when, rng.gauss(5, 2), rng.choice(["red", "green"]), answer, truth])
    return write_csv(path, ["timestamp", "weight", "colour", "predicted_class", "class"], made)


def answers(path, rows=3000):
    """Ids, times, answers and truths, and nothing else; after two thirds every third answer is wrong."""
    rng = random.Random(4)
    made = []
    for i in range(rows):
        answer = rng.choice(["yes", "no", "no"])
        wrong = rng.random() < (0.05 if i < rows * 2 // 3 else 0.35)
        truth = {"yes": "no", "no": "yes"}[answer] if wrong else answer
        made.append([i, f"2026-01-{1 + i // 144:02d}T{i // 6 % 24:02d}:{i % 6}0:00Z", answer, truth])
    return write_csv(path, ["id", "time", "prediction", "label"], made)


def run(capfd: Any, *arguments: str | Path) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of a command."""
    code = invoke([str(a) for a in arguments])
    out, err = capfd.readouterr()
    return code, out, err

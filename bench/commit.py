"""What durability costs: commits, bytes, restarts, the file's size, throughput, and a standby's take-over.

Everything in one run, on the volume of the current directory (or of the first argument), fsync included.
Predictions that only fill the join go in as columns; the events of the commit and throughput parts are
JSON, and take the whole path from decode on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from driftline.join.events import Predictions
from driftline.pipeline.engine import Pipeline
from driftline.pipeline.snapshot import restore, snapshot, unwritten_bytes
from driftline.pipeline.stream import StreamEngine
from driftline.records import Kind, RawBatch
from driftline.settings import (
    DAY_MS,
    LabelSettings,
    Limits,
    ModelSettings,
    StreamSettings,
    Task,
    TimeSettings,
    Window,
)
from driftline.store.rows import Commit
from driftline.store.sqlite import SqliteStore
from driftline.wiring import build_pipeline

START_MS = 1_790_000_000_000
RATE = 10_000
WINDOWS = (Window(DAY_MS, DAY_MS // 48), Window(7 * DAY_MS, DAY_MS // 6))


def engine(horizon_ms: int) -> StreamEngine:
    """A binary model with two windows."""
    model = ModelSettings(
        match="m", stream="s", task=Task.BINARY, positive="1", classes=("0", "1"),
        drift_windows=WINDOWS, performance_windows=WINDOWS, labels=LabelSettings(horizon_ms=horizon_ms),
    )  # fmt: skip
    limits = Limits(join_memory_bytes=1 << 40)
    stream = StreamSettings(
        name="s", predictions=("p",), labels=("l",), time=TimeSettings(out_of_orderness_ms=1000)
    )
    pipeline = build_pipeline(stream, (model,), limits, lambda *_: None)
    pipeline.watermarks = {("p", 0): -(1 << 62), ("l", 0): -(1 << 62)}
    pipeline.registry.schema_of("m", "1")
    pipeline.learn_policies()
    return StreamEngine(pipeline)


class File:
    """A state file and what its commits took."""

    def __init__(self, path: Path) -> None:
        self.store = SqliteStore.open(path)
        self.seconds: list[float] = []
        self.bare_seconds: list[float] = []
        self._bare = path.with_suffix(".bare").open("wb", buffering=0)
        self.bytes = 0
        self.cpu_seconds = 0.0

    def commit(self, pipeline: Pipeline) -> None:
        """As the daemon does it."""
        started, cpu = time.perf_counter(), time.process_time()
        blobs = {("s", t, k): b for (t, k), b in snapshot(pipeline).items()}
        written = self.store.commit(Commit(blobs=blobs)).bytes_written
        self.seconds.append(time.perf_counter() - started)
        self.cpu_seconds += time.process_time() - cpu
        self.bytes += written

    def append_bare(self) -> None:
        """As many bytes as an average commit's to the end of a plain file, with fsync: what no commit can beat."""
        noise = bytes(self.bytes // len(self.seconds))
        started = time.perf_counter()
        self._bare.write(noise)
        os.fsync(self._bare.fileno())
        self.bare_seconds.append(time.perf_counter() - started)


def fill(pipeline: Pipeline, first: int, count: int, at_ms: int, span_ms: int) -> None:
    """Outstanding predictions, evenly over a span of event time."""
    rng = np.random.default_rng(first)
    times = at_ms + np.arange(count) * span_ms // count
    none = np.zeros(count, np.int32)
    new = Predictions(
        rng.integers(0, 1 << 63, (count, 2), dtype=np.uint64), times, times, none, none,
        rng.integers(0, 2, count).astype(np.int32), rng.random(count), np.zeros((count, 0), np.int32),
    )  # fmt: skip
    pipeline.join.put(new)


def events(first: int, count: int) -> tuple[RawBatch, RawBatch]:
    """Half predictions, half labels of those 5 s before."""
    half = count // 2
    numbers = range(first * half, (first + 1) * half)
    per_second = RATE // 2
    labelled = range(max(numbers.start - 5 * per_second, 0), max(numbers.stop - 5 * per_second, 0))
    predictions = [
        json.dumps(
            {
                "prediction_id": f"p{i}", "model": "m", "version": "1", "prediction": i % 2,
                "time": START_MS + i * 1000 // per_second, "score": i % 1000 / 1000,
            }
        ).encode()
        for i in numbers
    ]  # fmt: skip
    labels = [
        json.dumps(
            {
                "prediction_id": f"p{i}", "model": "m", "label": i % 3 % 2,
                "time": START_MS + i * 1000 // per_second + 5000,
            }
        ).encode()
        for i in labelled
    ]  # fmt: skip
    return raw(Kind.PREDICTION, "p", numbers.start, predictions), raw(Kind.LABEL, "l", labelled.start, labels)


def raw(kind: Kind, topic: str, first: int, values: list[bytes]) -> RawBatch:
    """Records of one partition."""
    n = len(values)
    return RawBatch(
        kind,
        ((topic, 0),),
        np.zeros(n, np.int32),
        np.arange(first, first + n),
        np.full(n, -1, np.int64),
        values,
    )


def commits(folder: Path) -> None:
    """Commit time and bytes an event at 10 000 events/s, beside 1 M outstanding predictions."""
    work, file = engine(30 * DAY_MS), File(folder / "commits.db")
    work.pipeline.registry.slot("m", "1")
    for piece in range(20):
        fill(work.pipeline, piece, 50_000, START_MS - DAY_MS + piece * DAY_MS // 20, DAY_MS // 20)
        file.commit(work.pipeline)
    file.seconds, file.bytes, file.cpu_seconds = [], 0, 0.0
    seconds = 100
    for second in range(seconds):
        for batch in events(second, RATE):
            work.pipeline.feed(batch)
        work.advance(frozenset(), 0)
        file.commit(work.pipeline)
        file.append_bare()
    live = work.pipeline.join.table.live
    p50, p99 = np.percentile(file.seconds, [50, 99]) * 1000
    bare50, bare99 = np.percentile(file.bare_seconds, [50, 99]) * 1000
    cpu = file.cpu_seconds / seconds * 1000
    print(
        f"commits of 1 s at {RATE:,} events/s, {live:,} rows in the join: p50 {p50:.0f} ms, p99 {p99:.0f} ms, CPU {cpu:.0f} ms"
    )
    print(f"the same bytes to a plain file, with fsync, in turns: p50 {bare50:.0f} ms, p99 {bare99:.0f} ms")
    print(f"bytes of blocks an event: {file.bytes / seconds / RATE:.0f}")
    file.store.close()


def size(folder: Path) -> None:
    """The file after 10 M predictions of which about 1 M are outstanding at a time."""
    hour = 3_600_000
    work, file = engine(hour), File(folder / "size.db")
    work.pipeline.registry.slot("m", "1")
    sizes = []
    for piece in range(200):
        at_ms = START_MS + piece * hour // 20
        fill(work.pipeline, piece, 50_000, at_ms, hour // 20)
        work.pipeline.join.expire(at_ms)
        file.commit(work.pipeline)
        sizes.append(file.store.size_bytes())
    p99 = np.percentile(file.seconds, 99) * 1000
    print(
        f"state file over 10 M predictions, {work.pipeline.join.table.live:,} outstanding at the end: "
        f"{sizes[39] / 1e6:.0f} MB after 2 M, {sizes[99] / 1e6:.0f} MB after 5 M, {sizes[-1] / 1e6:.0f} MB after "
        f"10 M, at most {max(sizes) / 1e6:.0f} MB (commits of 50 000: p99 {p99:.0f} ms)"
    )
    file.store.close()


def restart(folder: Path) -> None:
    """Open, load and restore 5 M outstanding predictions, in a process of its own."""
    work, file = engine(30 * DAY_MS), File(folder / "restart.db")
    work.pipeline.registry.slot("m", "1")
    for piece in range(100):
        fill(work.pipeline, piece, 50_000, START_MS + piece * DAY_MS // 100, DAY_MS // 100)
        file.commit(work.pipeline)
    file.store.close()
    del work
    out = subprocess.run(  # noqa: S603
        [sys.executable, __file__, "--restore", str(folder / "restart.db")],
        capture_output=True,
        text=True,
        check=True,
    )
    print(out.stdout, end="")


def restored(path: Path) -> None:
    """What the process of ``restart`` does."""
    work = engine(30 * DAY_MS)
    started = time.perf_counter()
    store = SqliteStore.open(path)
    opened = time.perf_counter()
    stored = store.load()
    loaded = time.perf_counter()
    restore(work.pipeline, stored.blobs["s"])
    done = time.perf_counter()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) / 1024
    print(
        f"restart with {work.pipeline.join.table.live:,} outstanding predictions: {done - started:.1f} s "
        f"(open {opened - started:.1f}, load {loaded - opened:.1f}, restore {done - loaded:.1f}); "
        f"{time.process_time():.1f} s of CPU, all imports too; peak memory {peak:.0f} MB; file {path.stat().st_size / 1e6:.0f} MB"
    )


def throughput(folder: Path) -> None:
    """Events a second with and without commits, in turns."""
    batches = [events(second, RATE) for second in range(100)]
    count = sum(len(batch.offsets) for pair in batches for batch in pair)
    rates: dict[bool, list[float]] = {True: [], False: []}
    cpus: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(8):
        durable = turn % 2 == 0
        work, file = engine(30 * DAY_MS), File(folder / f"throughput-{turn}.db")
        started, cpu = time.perf_counter(), time.process_time()
        last = started
        for pair in batches:
            for batch in pair:
                work.pipeline.feed(batch)
            work.advance(frozenset(), 0)
            wait_s = min(15.0, max(1.0, unwritten_bytes(work.pipeline) / 2_000_000))
            if durable and time.perf_counter() - last >= wait_s:
                file.commit(work.pipeline)
                last = time.perf_counter()
        if durable:
            file.commit(work.pipeline)
        rates[durable].append(count / (time.perf_counter() - started))
        cpus[durable].append(count / (time.process_time() - cpu))
        file.store.close()
    on, off = np.median(rates[True]), np.median(rates[False])
    cpu_ratio = np.median(cpus[True]) / np.median(cpus[False])
    print(
        f"events/s with durability {on:,.0f}, without {off:,.0f}: {on / off:.2f}; by CPU time {cpu_ratio:.2f}"
    )


HOLD = """
import sys
from pathlib import Path
from driftline.store.sqlite import SqliteStore
store = SqliteStore.open(sys.argv[1], wait=True)
print("open", flush=True)
sys.stdin.read()
"""


def takeover(folder: Path) -> None:
    """From ``kill -9`` of the holder to the lock and the open file in a process that waits."""
    taken = []
    holder = hold(folder / "lock.db")
    told(holder)
    for _ in range(10):
        standby = hold(folder / "lock.db")
        time.sleep(1.5)
        started = time.perf_counter()
        holder.send_signal(signal.SIGKILL)
        told(standby)
        taken.append(time.perf_counter() - started)
        holder.wait()
        holder = standby
    holder.kill()
    holder.wait()
    print(f"standby has the file after {np.median(taken):.2f} s, at most {max(taken):.2f} s, of 10 kills")


def told(process: subprocess.Popen[str]) -> None:
    """Wait for its line."""
    assert process.stdout is not None
    process.stdout.readline()


def hold(path: Path) -> subprocess.Popen[str]:
    """A process that holds the file, or waits for it."""
    command = [sys.executable, "-c", HOLD, str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603


def main() -> None:
    """All parts, one after another."""
    if sys.argv[1:2] == ["--restore"]:
        restored(Path(sys.argv[2]))
        return
    where = sys.argv[1] if len(sys.argv) > 1 else "."
    with tempfile.TemporaryDirectory(dir=where) as name:
        for part in (commits, throughput, size, restart, takeover):
            part(Path(name))


if __name__ == "__main__":
    main()

"""``driftline replay``: the contract of its options, on files."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from driftline.cli import invoke
from tests.unit.replay_world import CONFIG, at, events, millis, placed, write

HOURS = 12
PREDICTIONS, LABELS = events(HOURS)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A configuration and the events, a file a kind."""
    (tmp_path / "c.yaml").write_text(CONFIG, encoding="utf-8")
    write(tmp_path / "p.jsonl", PREDICTIONS)
    write(tmp_path / "l.jsonl", LABELS)
    return tmp_path


def replay(world: Path, *arguments: object, inputs: tuple[object, ...] | None = None) -> int:
    """The exit code."""
    if inputs is None:
        inputs = ("--predictions", world / "p.jsonl", "--labels", world / "l.jsonl")
    command = ["replay", "--config", world / "c.yaml", "--stream", "main", *inputs, *arguments]
    return invoke([str(a) for a in command])


def outputs(world: Path, *arguments: object, inputs: tuple[object, ...] | None = None) -> tuple[bytes, ...]:
    """Bytes of the samples, the triggers and the episodes."""
    names = ("samples", "triggers", "episodes")
    options = [x for name in names for x in (f"--{name}", world / f"{name}.out")]
    assert 0 == replay(world, *options, *arguments, inputs=inputs)
    return tuple((world / f"{name}.out").read_bytes() for name in names)


def lines(data: bytes) -> list[dict]:
    return [json.loads(line) for line in data.splitlines()]


def test_a_second_replay_gives_the_same_bytes_of_every_output(world):
    """Samples, final ones, triggers and episodes; compressed ones too."""
    first, second = outputs(world, "--final"), outputs(world, "--final")
    assert first == second
    assert all(first)
    packed = []
    for name in ("one", "two"):
        assert 0 == replay(world, "--samples", world / f"{name}.gz")
        packed.append((world / f"{name}.gz").read_bytes())
    assert packed[0] == packed[1]
    plain = outputs(world)[0]
    assert plain == gzip.decompress(packed[0])


def test_compressed_input_is_the_same_as_plain(world):
    """By the name's ending."""
    for name in ("p", "l"):
        (world / f"{name}.jsonl.gz").write_bytes(gzip.compress((world / f"{name}.jsonl").read_bytes()))
    inputs = ("--predictions", world / "p.jsonl.gz", "--labels", world / "l.jsonl.gz")
    assert outputs(world) == outputs(world, inputs=inputs)


def test_each_file_is_a_partition_in_the_order_of_the_options(world):
    """0, 1, … of the first topic of its kind; the samples are those of one file, the data's places are not."""
    files: list[object] = []
    for part in range(3):
        files += ["--predictions", write(world / f"p{part}.jsonl", PREDICTIONS[part::3])]
    files += ["--labels", world / "l.jsonl"]
    samples, triggers, _ = outputs(world, inputs=tuple(files))
    assert outputs(world)[0] == samples
    spans = lines(triggers)[0]["data"]["data_range"]
    assert [("predictions", 0), ("predictions", 1), ("predictions", 2), ("labels", 0)] == [
        (s["topic"], s["partition"])
        for s in sorted(spans, key=lambda s: (s["kind"] == "label", s["partition"]))
    ]


def _dump(partitions: int) -> tuple[list[dict], list[dict]]:
    said = [placed(row, "predictions", i % partitions, i // partitions) for i, row in enumerate(PREDICTIONS)]
    return said, [placed(row, "labels", 0, i) for i, row in enumerate(LABELS)]


def test_lines_with_kafka_places_stand_where_they_say(world):
    """Three partitions mixed in one file are as three files; a single file may hold every topic."""
    parts: list[object] = []
    for part in range(3):
        parts += ["--predictions", write(world / f"p{part}.jsonl", PREDICTIONS[part::3])]
    apart = outputs(world, inputs=(*parts, "--labels", world / "l.jsonl"))
    said, labels = _dump(3)
    mixed = write(world / "mixed.jsonl", said), write(world / "labels.jsonl", labels)
    assert apart == outputs(world, inputs=("--predictions", mixed[0], "--labels", mixed[1]))
    both = write(world / "both.jsonl", labels + said)
    assert apart == outputs(world, inputs=("--predictions", both))


def test_a_partition_that_appears_late_in_a_file_is_waited_for(world):
    """W waits for it from the first line on: nothing of it is late, wherever it stands."""
    said, labels = _dump(2)
    mixed = outputs(world, inputs=("--predictions", write(world / "m.jsonl", said + labels)))
    apart = sorted(said, key=lambda row: row["_kafka"]["partition"])
    assert mixed == outputs(world, inputs=("--predictions", write(world / "m.jsonl", apart + labels)))


def test_files_of_one_partition_are_read_one_after_the_other(world, monkeypatch):
    """As a log that was written out by the day; not by turns, which would lose the rest of the first."""
    monkeypatch.setattr("driftline.cli.replay_run.CHUNK", 100)
    said, labels = _dump(1)
    days = [write(world / f"d{day}.jsonl", said[day * 240 : (day + 1) * 240]) for day in range(3)]
    files = [x for path in days for x in ("--predictions", path)]
    labelled = ("--labels", write(world / "labels.jsonl", labels))
    assert outputs(world) == outputs(world, inputs=(*files, *labelled))


def test_lines_of_both_forms_may_be_mixed(world):
    """A line without a place takes the next offset of its file's partition."""
    said, _ = _dump(1)
    mixed = [said[i] if i % 2 else row for i, row in enumerate(PREDICTIONS)]
    inputs = ("--predictions", write(world / "m.jsonl", mixed), "--labels", world / "l.jsonl")
    assert outputs(world) == outputs(world, inputs=inputs)


def test_a_line_with_an_offset_that_was_read_is_left_out_and_told(world, capsys):
    """A copy of a record, known by its offset, wherever the input was cut."""
    said, labels = _dump(1)
    inputs = ("--predictions", write(world / "m.jsonl", [*said[:50], *said[40:]]))
    inputs += ("--labels", write(world / "labels.jsonl", labels))
    assert outputs(world) == outputs(world, inputs=inputs)
    assert f"{world}/m.jsonl: lines left out, whose offset is not above the one before: 10" in (
        capsys.readouterr().err
    )


def test_the_future_is_checked_against_a_records_timestamp_only_where_it_has_one(world, capsys):
    """Files have none; lines with ``_kafka.timestamp`` are quarantined as the daemon would."""
    rows = [placed(row, "predictions", 0, i, millis(row["time"])) for i, row in enumerate(PREDICTIONS)]
    rows[7]["_kafka"]["timestamp"] -= 6 * 60_000
    rows[8]["_kafka"]["timestamp"] -= 5 * 60_000
    inputs = ("--predictions", write(world / "m.jsonl", rows), "--labels", world / "l.jsonl")
    assert 0 == replay(world, inputs=inputs)
    said = capsys.readouterr().err
    assert (
        f"{world}/m.jsonl:8: future (its time is more than time.max_future ahead of the record's timestamp)\nrecords that could not be used: 1 (future 1)\n"
        in said
    )


BROKEN = [
    b'{"prediction_id": ',
    b"",
    b"\xff\xfe",
    b'{"prediction_id":"x","model":"m","version":"1","time":"yesterday","prediction":"UP"}',
    b'{"prediction_id":"x","model":"m","version":"1","prediction":"UP"}',
]


def test_broken_lines_are_counted_and_told_by_place_and_reason(world, capsys):
    """Exit 0, and the samples are those of the other lines."""
    good = (world / "p.jsonl").read_bytes().splitlines()
    expected = outputs(world)[0]
    capsys.readouterr()
    (world / "p.jsonl").write_bytes(b"\n".join([*good[:10], *BROKEN, *good[10:]]) + b"\n")
    assert expected == outputs(world)[0]
    told = [line for line in capsys.readouterr().err.splitlines() if "p.jsonl" in line or "records" in line]
    reasons = ("not_json", "empty", "not_utf8", "bad_time", "bad_time")
    assert [f"{world}/p.jsonl:{11 + i}: {reason}" for i, reason in enumerate(reasons)] == [
        line.partition(" (")[0] for line in told[:-1]
    ]
    assert "(the value is no JSON: Expecting value" in told[0]
    assert "records that could not be used: 5 (" in told[-1]


def test_odd_places_in_kafka_are_none_and_odd_times_end_nothing(world, capsys):
    """Depth without end beside a mark, a version too long for a reference's file, the last second there is."""
    deep = b'{"_kafka": {"topic": "more"}, "a": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    places = [
        b'{"_kafka": %s}' % x
        for x in (b"5", b'{"offset": 1e400}', b'{"partition": -1}', b'{"topic": "\\ud800"}')
    ]
    far = {**PREDICTIONS[0], "prediction_id": "far", "time": "9999-12-31T23:59:59.999Z", "version": "v" * 256}
    (world / "o.jsonl").write_bytes(b"\n".join([deep, *places, json.dumps(far).encode()]))
    config = (world / "c.yaml").read_text(encoding="utf-8")
    (world / "c.yaml").write_text(
        config.replace("task: binary", "task: binary\n    references: 'r/{model}-{version}.json'")
    )
    for until in ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59"):
        inputs = ("--predictions", world / "p.jsonl", "--predictions", world / "o.jsonl")
        samples, _, _ = outputs(world, "--until", until, inputs=inputs)
        assert lines(samples)
        assert "records that could not be used: 5 (" in capsys.readouterr().err


def test_many_broken_lines_are_told_by_their_number(world, capsys):
    """Twenty by place, all in the total."""
    (world / "b.jsonl").write_bytes(b"x\n" * 50)
    assert 0 == replay(world, inputs=("--predictions", world / "b.jsonl"))
    told = capsys.readouterr().err.splitlines()
    assert (20, 1) == (
        sum("b.jsonl:" in line for line in told), told.count("records that could not be used: 50 (not_json 50)")
    )  # fmt: skip


def test_a_label_without_a_time_is_rejected_in_a_file(world, capsys):
    """Its record has no timestamp to stand in."""
    rows = [{k: v for k, v in LABELS[0].items() if k != "time"}]
    assert 0 == replay(
        world, inputs=("--predictions", world / "p.jsonl", "--labels", write(world / "n", rows))
    )
    assert f"{world}/n:1: bad_time" in capsys.readouterr().err


def test_events_that_do_not_count_are_told(world, capsys):
    """Of unknown models, and those that come too late."""
    rows = [*PREDICTIONS, {**PREDICTIONS[0], "prediction_id": "late"}, {**PREDICTIONS[0], "model": "who"}]
    assert 0 == replay(world, inputs=("--predictions", write(world / "m.jsonl", rows)))
    said = capsys.readouterr().err
    assert "events that came later than allowed_lateness, and were dropped: 1" in said
    assert "events of models that no entry matches: 1 (who/1)" in said


def test_empty_files_give_empty_outputs(world):
    """Exit 0; an empty file beside full ones changes nothing."""
    empty = write(world / "empty.jsonl", [])
    assert (b"", b"", b"0 episodes: 0 fired, 0 cleared before they fired\n") == outputs(
        world, "--until", at(48), inputs=("--predictions", empty)
    )
    inputs = ("--predictions", world / "p.jsonl", "--predictions", empty, "--labels", world / "l.jsonl")
    assert outputs(world) == outputs(world, inputs=inputs)


def test_until_closes_windows_beyond_the_end(world):
    """Without it W ends at the newest event less out_of_orderness; with it, at its instant."""
    without, with_ = (lines(outputs(world, *more)[0]) for more in ((), ("--until", at(14))))
    last = max(s["judged"] for s in without)
    assert (at(11 + 50 / 60), at(12 + 40 / 60)) == (last, max(s["end"] for s in with_))
    assert without == [s for s in with_ if s["judged"] <= last]


def test_an_until_before_the_end_cuts_nothing(world):
    """It raises W, never lowers it."""
    assert outputs(world) == outputs(world, "--until", at(3))


def test_from_writes_what_is_judged_then_or_later(world):
    """Samples and triggers of before are judged and not written; the instant itself is."""
    everything, later = outputs(world), outputs(world, "--from", at(7.5))
    assert [s for s in lines(everything[0]) if s["judged"] >= at(7.5)] == lines(later[0])
    assert at(7.5) == lines(later[0])[0]["judged"]
    assert [t for t in lines(everything[1]) if t["time"] >= at(7.5)] == lines(later[1])


def test_final_follows_each_judged_line_with_the_labels_that_came_after(world):
    """Labels that come after a window's instant, up to the last of the input, are in its final line only."""
    slow = [{**row, "time": at((i + (125 if i % 60 < 20 else 5)) / 60)} for i, row in enumerate(LABELS)]
    slow.sort(key=lambda row: row["time"])
    labels = write(world / "slow.jsonl", slow)
    inputs = ("--predictions", world / "p.jsonl", "--labels", labels)
    found = lines(outputs(world, "--final", inputs=inputs)[0])
    about = ("statistic", "window", "end", "average", "class")
    labelled = [s for s in found if s["statistic"] == "labelled"]
    pairs = list(zip(labelled[::2], labelled[1::2], strict=True))
    assert all("final" == b["state"] and a["state"] == "ok" for a, b in pairs)
    assert all([a.get(k) for k in about] == [b.get(k) for k in about] for a, b in pairs)
    assert {60} == {b["value"] for a, b in pairs if at(1) <= b["end"] <= at(11)}
    assert 40 == next(a["value"] for a, _ in pairs if a["end"] == at(6))
    rest = iter(found)
    assert all(any(line == other for other in rest) for line in lines(outputs(world, inputs=inputs)[0]))


def test_final_has_the_very_last_labels_of_the_input(world):
    """Those after the last watermark too."""
    inputs = ("--predictions", world / "p.jsonl", "--labels", write(world / "cut.jsonl", LABELS[:115]))
    found = lines(outputs(world, "--final", inputs=inputs)[0])
    last = [s for s in found if (s["statistic"], s["end"], s["state"]) == ("labelled", at(2), "final")]
    assert [55] == [s["value"] for s in last]


def test_a_label_beyond_the_horizon_is_not_in_the_final_line(world):
    """Horizon: label effective time - prediction time, inclusive."""
    text = CONFIG.replace("labels: {delay: 10m}", "labels: {delay: 10m, horizon: 2h}")
    (world / "c.yaml").write_text(text, encoding="utf-8")
    late = [{**row, "time": at(i / 60 + (3 if i < 30 else 1))} for i, row in enumerate(LABELS[:60])]
    labels = write(world / "late.jsonl", sorted(late, key=lambda row: row["time"]))
    found = lines(
        outputs(world, "--final", inputs=("--predictions", world / "p.jsonl", "--labels", labels))[0]
    )
    first = [s for s in found if (s["statistic"], s["end"]) == ("labelled", at(1))]
    assert [("ok", 0), ("final", 30)] == [(s["state"], s["value"]) for s in first]


def test_labels_that_come_when_nobody_reads_their_window_any_more_are_in_its_final_line(world):
    """The horizon alone says which: a daemon would have let go of the window's panes, a replay keeps them."""
    late = [{**row, "time": at(i / 60 + 9)} for i, row in enumerate(LABELS)]
    inputs = ("--predictions", world / "p.jsonl", "--labels", write(world / "late.jsonl", late))
    found = outputs(world, "--final", inputs=inputs)
    labelled = [(s["state"], s["value"]) for s in lines(found[0]) if s["statistic"] == "labelled"]
    assert {0.0} == {value for state, value in labelled if state == "ok"}
    events = [s["value"] for s in lines(found[0]) if (s["statistic"], s["state"]) == ("events", "final")]
    assert events == [value for state, value in labelled if state == "final"]
    assert found[1:] == outputs(world, inputs=inputs)[1:]


def test_samples_go_to_stdout_and_the_rest_to_stderr(world):
    """So that they can be piped."""
    command = [
        sys.executable, "-m", "driftline", "replay", "--config", "c.yaml", "--stream", "main",
        "--predictions", "p.jsonl", "--labels", "l.jsonl", "--samples", "-",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=world, capture_output=True, check=True, env={**os.environ})
    assert outputs(world)[0] == done.stdout
    assert b"events would have been published" in done.stderr


def test_a_reader_that_has_seen_enough_ends_it_without_a_traceback(world):
    """``replay --samples - | head -1``."""
    command = (
        f"{sys.executable} -m driftline replay --config c.yaml --stream main --predictions p.jsonl"
        " --labels l.jsonl --samples - | head -c 10 > /dev/null"
    )
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=world, capture_output=True, check=False
    )
    assert (0, b"") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stream", "mian", "--predictions", "p.jsonl"], '--stream: there is no stream "mian"; did you mean "main"?'),
        (["--predictions", "p.jsonl"], "there are several streams; give --stream main or other"),
        (["--stream", "main"], "nothing to replay: give --predictions, --labels, --features or --from-kafka"),
        (["--stream", "other", "--labels", "l.jsonl"], "stream other has no topic of label events"),
        (["--stream", "main", "--predictions", "p.jsonl", "--final"], "--final is about samples: give --samples"),
        (["--stream", "main", "--predictions", "p.jsonl", "--json"], "--json is about episodes: give --episodes"),
        (["--stream", "main", "--predictions", "p.jsonl", "--from", "monday"], "--from: "),
        (["--stream", "main", "--predictions", "p.jsonl", "--until", "2026-03-02T00:00:00"], "--until: "),
        (["--stream", "main", "--predictions", "p.jsonl", "--samples", "p.jsonl"], "--samples: p.jsonl is read by"),
        (["--stream", "main", "--predictions", "p.jsonl", "--samples", "-", "--triggers", "-"], "--triggers and --samples would both be written to -"),
        (["--stream", "main", "--predictions", "p.jsonl", "--samples", "no/such/folder"], "--samples: no/such/folder cannot be written"),
        (["--stream", "main", "--predictions", "p.jsonl", "--offsets", "labels:0:1-2"], "need --from-kafka"),
        (["--stream", "main", "--predictions", "p.jsonl", "--from-kafka"], "--from-kafka reads no files"),
        (["--stream", "main", "--predictions", "cut.gz"], "cut.gz cannot be read"),
        (["--stream", "main", "--from-kafka", "--offsets", "labels:0"], 'no range; write topic:partition:first-last, as "labels:0:100-199"'),
        (["--stream", "main", "--from-kafka", "--offsets", "labels:0:5-2"], "ends before it begins; write labels:0:2-5"),
        (["--stream", "main", "--from-kafka", "--offsets", "lables:0:1-2"], 'stream main has no topic "lables"; did you mean "labels"?'),
        (["--stream", "main", "--from-kafka", "--range", "p.jsonl"], "is no trigger event with data.data_range"),
    ],
)  # fmt: skip
def test_a_command_that_cannot_be_done_says_why(world, monkeypatch, capsys, arguments, message):
    """Exit 2, in one line."""
    monkeypatch.chdir(world)
    (world / "cut.gz").write_bytes(gzip.compress((world / "p.jsonl").read_bytes())[:200])
    assert 2 == invoke(["replay", "--config", "c.yaml", *arguments])
    assert message in capsys.readouterr().err
    assert PREDICTIONS[0] == json.loads((world / "p.jsonl").read_bytes().splitlines()[0])

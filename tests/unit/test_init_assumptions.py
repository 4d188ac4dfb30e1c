"""What ``driftline init`` takes for granted is told, and times that lie are neither believed nor kept quiet."""

import json

import numpy as np
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from driftline.onboarding.sample import Record, sample_of
from driftline.onboarding.spans import doubts, usual_length_ms
from driftline.settings import DAY_MS, MINUTE_MS
from tests.unit.init_world import animals, bank, houses, run, write_csv

NOW_MS = 1_790_000_000_000


def _said(capfd, tmp_path, data, *options):
    code, _out, err = run(capfd, "init", data, *options, "--output", tmp_path / "o")
    assert 0 == code
    return [line for line in err.splitlines() if line.startswith(("assumed", "warning"))]


def test_what_nobody_says_is_told(tmp_path, capfd):
    """No zone, no time of labels, no ids, and rows that the file has not."""
    said = _said(capfd, tmp_path, animals(tmp_path / "animals.csv", 1000), "--validated-rows", "0:600")
    assert [
        'assumed: timestamp is in UTC, since its values, as "2026-01-01 00:00:00", have no zone',
        "assumed: labels come 1d after their predictions, since no column says when (--label-delay, --label-time)",
        "assumed: prediction ids are made of the model's name and the row, since no column has one for each (--id)",
    ] == said


def test_rows_beyond_the_end_are_told(tmp_path, capfd):
    """And that production has none then."""
    said = _said(
        capfd, tmp_path, bank(tmp_path / "bank.csv", 1000), "--every", "2m", "--validated-rows", "0:4000",
        "--label-delay", "1d",
    )  # fmt: skip
    assert [
        "assumed: --validated-rows 0:4000 is 0:1000, since the file has 1000 rows",
        "assumed: no row is left for production, so no events are written (--production)",
    ] == said


def test_what_the_data_says_is_not_assumed(tmp_path, capfd):
    """Epoch seconds are told as such; there are ids, and a time at which labels were known."""
    said = _said(capfd, tmp_path, houses(tmp_path / "houses.csv", 1000), "--every", "1m")
    assert [
        "assumed: --every is not used, since created_at has the times (--time - for rows without)",
        "assumed: created_at holds epoch seconds, by the size of its numbers",
    ] == said


def test_a_truth_that_nobody_names_is_asked_for(tmp_path, capfd):
    """What has the values of the answer may be it: it is no feature by accident."""
    table = pacsv.read_csv(animals(tmp_path / "a.csv", 1000)).rename_columns(
        ["ts", "weight", "colour", "pred", "animal"]
    )
    pacsv.write_csv(table, tmp_path / "animals.csv")
    said = _said(capfd, tmp_path, tmp_path / "animals.csv")
    assert (
        "assumed: no column holds the truth, so only drift is measured; features with the values of pred: animal (--label)"
        in said
    )


def test_production_without_a_feature_is_told(tmp_path, capfd):
    """All that it lacks at once; with --features it is left out."""
    validated = animals(tmp_path / "animals.csv", 1000)
    later = pacsv.read_csv(animals(tmp_path / "later.csv", 1500)).drop_columns(["weight", "predicted_class"])
    pq.write_table(later, tmp_path / "later.parquet")
    options = (validated, "--production", tmp_path / "later.parquet", "--output", tmp_path / "o")
    code, _out, err = run(capfd, "init", *options)
    assert (2, [
        '  --production: there is no column "predicted_class" in it; the columns are: timestamp, colour, class',
        "  --production: it lacks weight, validated as features; add them, or leave them out with --exclude",
    ]) == (code, err.splitlines()[1:])  # fmt: skip


def test_one_time_years_ahead_makes_no_window_of_years(tmp_path, capfd):
    """In a file: it is told, and the windows are those of the other rows."""
    head, *rows = animals(tmp_path / "a.csv", 3000).read_text(encoding="utf-8").splitlines()
    rows[-1] = "2099" + rows[-1][4:]
    data = write_csv(tmp_path / "animals.csv", head.split(","), [row.split(",") for row in rows])
    said = _said(capfd, tmp_path, data)
    assert (
        "warning: 1 of 3000 rows are ahead of now, up to 2099-01-11T09:55:00Z: a daemon takes none of them"
        in said
    )
    assert [True] == [
        "and all but a few lie within 10d: windows" in line for line in said if "times go" in line
    ]
    assert "drift: [72h]" in (tmp_path / "o/driftline.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("own_file", [True, False])
def test_a_time_years_ahead_in_production_is_told(own_file, tmp_path, capfd):
    """In a file of its own, and in the rows after the validated ones; the windows do not hang on it."""
    head, *rows = animals(tmp_path / "a.csv", 3000).read_text(encoding="utf-8").splitlines()
    stray = ["2099" + rows[-1][4:]]
    before, after = rows[:2000], [*rows[2000:-1], *stray]
    parts = {"animals": before if own_file else [*before, *after], "later": after}
    for name, part in parts.items():
        write_csv(tmp_path / f"{name}.csv", head.split(","), [row.split(",") for row in part])
    options = ("--production", tmp_path / "later.csv") if own_file else ("--validated-rows", "0:2000")
    said = _said(capfd, tmp_path, tmp_path / "animals.csv", *options)
    warned = [line for line in said if line.startswith("warning: ")]
    assert [
        "warning: production: 1 of 1000 rows are ahead of now, up to 2099-01-11T09:55:00Z: a daemon takes none of them",
        "warning: production: times go from 2026-01-07T22:40:00Z to 2099-01-11T09:55:00Z, and all but a few lie within 3d",
    ] == warned


@pytest.mark.parametrize("seed", range(3))
def test_the_length_of_data_is_without_its_strays(seed):
    """Of data without any it is the whole; a burst or a pause within is no stray."""
    rng = np.random.default_rng(seed)
    times = NOW_MS - rng.integers(0, 30 * DAY_MS, 5000)
    whole = int(times.max() - times.min())
    assert (whole, []) == (usual_length_ms(times), list(doubts(times, NOW_MS)))
    stray = np.append(times, NOW_MS - 3000 * DAY_MS)
    assert abs(usual_length_ms(stray) - whole) < whole / 20
    assert 1 == len(list(doubts(stray, NOW_MS)))
    assert 1 == usual_length_ms(times[:1])


def test_events_of_a_topic_that_are_ahead_of_their_record_are_not_sampled():
    """As the daemon rejects them."""
    records = [_record(i, NOW_MS + i, NOW_MS + i) for i in range(5)]
    records += [
        _record(5, NOW_MS + 6 * MINUTE_MS, NOW_MS),
        _record(6, NOW_MS + 4 * MINUTE_MS, NOW_MS),
        _record(7, 0, NOW_MS),
    ]
    sample = sample_of(records, [], 1 << 20, None, None)
    assert (6, {"future": 1, "bad_time": 1}) == (len(sample.lines), dict(sample.rejected))


def _record(number, time_ms, stamp_ms):
    event = {
        "prediction_id": f"p{number}",
        "model": "m",
        "time": time_ms,
        "prediction": 1,
        "features": {"x": 1},
    }
    return Record(json.dumps(event).encode(), None, stamp_ms)

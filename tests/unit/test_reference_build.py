"""References built from files of every kind."""

import gzip
import json
import subprocess
import sys
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from driftline.errors import DataError, UsageError
from driftline.reference import tables
from driftline.reference.build import build_profile
from driftline.reference.file import dump, parse
from driftline.reference.options import BuildOptions
from driftline.settings import Task

ROWS = 1000


def options(**changes):
    return BuildOptions(**({"model": "m", "version": "1"} | changes))


def table():
    rng = np.random.default_rng(7)
    return pa.table({
        "x": rng.normal(size=ROWS).round(6),
        "k": [None if i % 10 == 0 else i % 3 for i in range(ROWS)],
        "c": [None if i % 7 == 0 else "ab"[i % 2] for i in range(ROWS)],
        "flag": [i % 4 == 0 for i in range(ROWS)],
    })  # fmt: skip


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def written(folder, kind):
    path = folder / f"data.{kind}"
    if kind == "parquet":
        pq.write_table(table(), path, row_group_size=300)
    elif kind == "arrow":
        feather.write_feather(table(), path, chunksize=128)
    elif kind == "csv":
        pacsv.write_csv(table(), path)
    elif kind == "csv.gz":
        pacsv.write_csv(table(), folder / "plain.csv")
        path.write_bytes(gzip.compress((folder / "plain.csv").read_bytes()))
    elif kind == "jsonl":
        path.write_text(lines(table().to_pylist()))
    elif kind == "jsonl.gz":
        path.write_bytes(gzip.compress(lines({"prediction_id": str(i), "time": 1, "features": r}
                                             for i, r in enumerate(table().to_pylist())).encode()))  # fmt: skip
    return path


def facts(profile):
    numeric = [(p.name, p.edges.tolist(), p.counts.tolist(), p.missing, p.mean) for p in profile.numeric]
    return numeric, [(p.name, p.categories, p.counts.tolist(), p.missing) for p in profile.categorical]


@pytest.mark.parametrize("kind", ["arrow", "csv", "csv.gz", "jsonl", "jsonl.gz"])
def test_every_kind_of_file_gives_the_same_reference(tmp_path, kind):
    """The same rows as Parquet, Arrow, CSV and JSON lines, flat or nested, have the same profile and bins."""
    chosen = options(categorical=("k",), rows=(10, 990))
    expected = build_profile(written(tmp_path, "parquet"), chosen)
    actual = build_profile(written(tmp_path, kind), chosen)
    assert facts(expected) == facts(actual)
    assert (expected.bins_id, 980) == (actual.bins_id, actual.rows)
    assert {"k", "c", "flag"} == {p.name for p in actual.categorical}


def test_rows_are_half_open_over_the_borders_of_batches(tmp_path, monkeypatch):
    """Rows [250, 750) of many small batches are numpy's slice."""
    monkeypatch.setattr(tables, "_BATCH_ROWS", 64)
    profile = build_profile(written(tmp_path, "parquet"), options(features=("x",), rows=(250, 750)))
    expected = table()["x"].to_numpy()[250:750]
    column = profile.numeric[0]
    assert (500, expected.min(), np.median(expected)) == (profile.rows, column.minimum, column.center)


def test_a_json_column_that_begins_late_is_missing_before(tmp_path, monkeypatch):
    """A feature that the first batches do not know counts as missing there."""
    monkeypatch.setattr(tables, "_BATCH_ROWS", 10)
    path = tmp_path / "late.jsonl"
    path.write_text(lines([{"a": 1}] * 25 + [{"a": 2, "b": "x"}] * 5))
    profile = build_profile(path, options())
    assert [("b", 5, 25)] == [(p.name, p.n, p.missing) for p in profile.categorical]
    assert [("a", 30, 0)] == [(p.name, p.n, p.missing) for p in profile.numeric]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("2.0", "2"),
        ("2", "2"),
        ("007", "007"),
        ("True", "true"),
        ("0.50", "0.5"),
        ("1e3", "1000"),
        ("A b", "A b"),
    ],
)
def test_csv_fields_become_canonical_strings(tmp_path, field, expected):
    """Integral numbers are integers, booleans lower case; leading zeros are no number."""
    path = tmp_path / "c.csv"
    path.write_text(f"c,d\n{field},1\n,2\n")
    column = build_profile(path, options(features=("c",), categorical=("c",))).categorical[0]
    assert ((expected,), 1) == (column.categories, column.missing)


def test_json_values_become_canonical_strings(tmp_path):
    """2, 2.0 and "2" are one category; null and "" are missing; over 64 bits is invalid."""
    path = tmp_path / "c.jsonl"
    path.write_text(
        '{"c":2}\n{"c":2.0}\n{"c":"2"}\n{"c":true}\n{"c":null}\n{"c":""}\n{"c":99999999999999999999}\n{}\n'
    )
    column = build_profile(path, options(categorical=("c",))).categorical[0]
    assert (("2", "true"), [3, 1], 3, 1) == (
        column.categories,
        column.counts.tolist(),
        column.missing,
        column.invalid,
    )


def test_forced_numbers_count_others_as_invalid(tmp_path):
    """--numeric: text is invalid, 1e999 too, an empty field is missing."""
    path = tmp_path / "n.csv"
    path.write_text("x,y\n1,a\n2,a\nlots,a\n1e999,a\n,a\n")
    column = build_profile(path, options(features=("x",), numeric=("x",))).numeric[0]
    assert (2, 1, 2) == (column.n, column.missing, column.invalid)


def test_a_float32_column_is_compared_as_float32(tmp_path):
    """The type of a Parquet column is kept."""
    pq.write_table(pa.table({"x": pa.array([0.1, 0.2, 0.3], pa.float32())}), tmp_path / "f.parquet")
    column = build_profile(tmp_path / "f.parquet", options()).numeric[0]
    assert (True, float(np.float32(0.1))) == (column.float32, column.minimum)


@pytest.mark.parametrize(
    "damage", [(40_000_000).to_bytes(4, "little"), (-5).to_bytes(4, "little", signed=True)]
)
def test_a_damaged_arrow_file_is_the_datas_error(tmp_path, damage):
    """A text that ends where no bytes are: reading it would end the process."""
    sink, rows = pa.BufferOutputStream(), 64
    table_ = pa.table({"x": range(rows), "c": ["abcd"] * rows})
    with pa.ipc.new_stream(sink, table_.schema) as writer:
        writer.write_table(table_)
    data = sink.getvalue().to_pybytes()
    at = data.index(np.arange(0, 4 * rows + 1, 4, np.int32).tobytes()) + 4 * 50
    (tmp_path / "d.arrow").write_bytes(data[:at] + damage + data[at + 4 :])
    with pytest.raises(DataError, match="cannot be read as arrow"):
        build_profile(tmp_path / "d.arrow", options())


def test_texts_that_are_no_utf_8_are_the_datas_error(tmp_path):
    """Parquet says that they are, and nobody looks."""
    raw = pa.array([b"a\xff", b"b"], pa.binary())
    column = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    pq.write_table(pa.table({"c": column}), tmp_path / "d.parquet")
    with pytest.raises(DataError, match="cannot be read"):
        build_profile(tmp_path / "d.parquet", options(categorical=("c",)))


def test_depth_without_end_is_the_datas_error(tmp_path):
    """With the line."""
    (tmp_path / "d.jsonl").write_text('{"x": 1}\n{"x": ' + "[" * 5000 + "]" * 5000 + "}\n")
    with pytest.raises(DataError, match="line 2"):
        build_profile(tmp_path / "d.jsonl", options())


def test_labels_near_the_end_of_float64_make_a_reference_without_a_warning(tmp_path):
    """Their sums overflow; numpy's warning would be the only line on stderr."""
    path = tmp_path / "r.jsonl"
    labels = [1.7e308, 1.7e308, -1.7e308, 1e308]
    path.write_text("".join(f'{{"x":{y},"p":{-y},"y":{y}}}\n' for y in labels))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        profile = build_profile(path, options(prediction="p", label="y", task=Task.REGRESSION))
    assert profile.id == parse(dump(profile), "r").id


def test_performance_is_measured_where_both_are_given(tmp_path):
    """Prediction, score and label of a binary task: confusion [true][predicted] and metrics."""
    path = tmp_path / "p.csv"
    path.write_text("x,p,s,y\n1,UP,0.9,UP\n2,UP,0.6,DOWN\n3,DOWN,0.2,DOWN\n4,DOWN,0.4,UP\n5,,,UP\n")
    profile = build_profile(path, options(prediction="p", score="s", label="y", positive="UP"))
    found = profile.performance
    assert (Task.BINARY, ["DOWN", "UP"], [[1, 1], [1, 1]], 4) == (
        profile.task, found["classes"], found["confusion"], found["n"])  # fmt: skip
    assert (0.5, 0.5, 0.75) == (found["metrics"]["accuracy"], found["metrics"]["f1"], found["metrics"]["auc"])
    assert (["x"], 1) == ([p.name for p in profile.numeric], profile.predicted.missing)


def test_a_score_alone_means_the_positive_class_from_one_half(tmp_path):
    """Without a prediction column the class is score >= 0.5."""
    path = tmp_path / "p.csv"
    path.write_text("s,y\n0.5,1\n0.49,0\n0.2,1\n")
    profile = build_profile(path, options(score="s", label="y", positive="1", features=("s",)))
    assert [[1, 0], [1, 1]] == profile.performance["confusion"]


def test_numbers_of_many_values_are_a_regressions(tmp_path):
    """Task, value profile, label mean and metrics of a regression."""
    rng = np.random.default_rng(3)
    y = rng.normal(5, 1, 500)
    pq.write_table(pa.table({"x": y, "p": y + 0.5, "y": y}), tmp_path / "r.parquet")
    profile = build_profile(tmp_path / "r.parquet", options(prediction="p", label="y"))
    metrics = profile.performance["metrics"]
    assert (Task.REGRESSION, "p", None) == (profile.task, profile.value.name, profile.predicted)
    found = [metrics["mae"], metrics["rmse"], metrics["bias"], profile.label_mean]
    assert [0.5, 0.5, 0.5, y.mean()] == pytest.approx(found)


def test_three_classes_are_multiclass_with_averages(tmp_path):
    """Macro, micro and weighted averages where no class is the positive one."""
    path = tmp_path / "m.csv"
    path.write_text("p,y\na,a\nb,b\nc,a\nc,c\n")
    profile = build_profile(path, options(prediction="p", label="y"))
    assert Task.MULTICLASS is profile.task
    assert {"macro", "micro", "weighted"} == set(profile.performance["metrics"]["f1"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": ("pricee",)}, '--features: there is no column "pricee"; did you mean "price"?'),
        ({"label": "zzz"}, '--label: there is no column "zzz"; the columns are: price, y'),
        ({"label": "y", "positive": "U"}, "the positive class 'U' does not occur; the classes are: DOWN, UP"),
        ({"features": ("price",), "categorical": ("y",)},
         "--categorical: y is not among --features, which names all features, categorical ones included"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_say_what_would(tmp_path, changes, message):
    """The message names what was found, and what there is."""
    path = tmp_path / "d.csv"
    path.write_text("price,y\n1,UP\n2,DOWN\n")
    with pytest.raises(UsageError) as caught:
        build_profile(path, options(**changes))
    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("d.jsonl", '{"a":1}\n\n{"a":NaN}\n', "d.jsonl: line 3: "),
        ("d.jsonl", '{"a":1}\n[1]\n', "d.jsonl: line 2: "),
        ("d.jsonl", '{"score":1,"features":{"score":2}}\n', "d.jsonl: line 1: feature 'score' has the name"),
        ("d.csv", "a,b\n1,2\n3\n", "d.csv: cannot be read as csv: "),
        ("d.csv", "a,a\n1,2\n", "d.csv: line 1: column 'a' stands there twice"),
        ("d.csv", "a,b\n", "d.csv: there is no row in 0:"),
        ("d.csv", "", "d.csv: cannot be read as csv: "),
        ("d.parquet", "nothing", "d.parquet: cannot be read as parquet: "),
        ("d.arrow", "nothing", "d.arrow: cannot be read as arrow: "),
        ("d.csv.gz", "nothing", "d.csv.gz: cannot be read as csv: "),
    ],
)
def test_damaged_files_are_named_with_the_place(tmp_path, name, content, place):
    """A file that cannot be read is the data's error, with its place."""
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as caught:
        build_profile(tmp_path / name, options())
    assert place in str(caught.value)


def test_a_damaged_parquet_column_is_named(tmp_path):
    """Damage inside a column is the data's error too."""
    path = written(tmp_path, "parquet")
    data = bytearray(path.read_bytes())
    data[4:400] = b"\xff" * 396
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"data\.parquet: column 'x' cannot be read: "):
        build_profile(path, options())


def test_no_temporary_file_is_left(tmp_path, monkeypatch):
    """The folder of columns is removed, also after an error."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    build_profile(written(tmp_path, "csv"), options())
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n3\n")
    with pytest.raises(DataError):
        build_profile(tmp_path / "bad.csv", options())
    assert {"data.csv", "bad.csv"} == {path.name for path in tmp_path.iterdir()}


def test_an_identifier_is_no_category(tmp_path, monkeypatch):
    """Too many different values: the message says how to leave the column out."""
    monkeypatch.setattr("driftline.reference.columns.MAX_CATEGORIES", 5)
    path = tmp_path / "d.csv"
    path.write_text("name\n" + "".join(f"n{i}\n" for i in range(9)))
    with pytest.raises(DataError, match="leave it out with --exclude name"):
        build_profile(path, options())


def test_columns_with_another_meaning_are_no_features(tmp_path):
    """Without --features: every column but the named ones and the event's own fields."""
    path = tmp_path / "d.csv"
    path.write_text("prediction_id,ts,x,label\na,1997-05-05T00:00:00Z,1,2\nb,1997-05-05T02:00:00+01:00,1,2\n")
    profile = build_profile(path, options(time="ts"))
    assert ["x"] == [p.name for p in (*profile.numeric, *profile.categorical)]
    assert (862_790_400_000, 862_794_000_000) == profile.time_span_ms


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([862_790_400_000_000_000, 862_794_000_000_000_000], pa.timestamp("ns", "Europe/Rome")),
        ([862_790_400_000, 862_794_000_000], pa.int64()),
        (["1997-05-05", "1997-05-05T01:00:00"], pa.string()),
        ([862_790_400_000, 862_794_000_000], pa.timestamp("ms")),
    ],
)
def test_times_are_timestamps_milliseconds_or_text(tmp_path, values, kind):
    """The same two instants in each form."""
    pq.write_table(pa.table({"x": [1.0, 2.0], "t": pa.array(values, kind)}), tmp_path / "t.parquet")
    assert (862_790_400_000, 862_794_000_000) == build_profile(
        tmp_path / "t.parquet", options(time="t")
    ).time_span_ms


def test_times_may_be_dates(tmp_path):
    """Parquet's own: a day begins at midnight UTC."""
    days = pa.array([9986, 9987], pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"x": [1.0, 2.0], "t": days}), tmp_path / "t.parquet")
    profile = build_profile(tmp_path / "t.parquet", options(time="t"))
    assert (862_790_400_000, 862_876_800_000) == profile.time_span_ms


def test_a_dictionary_column_is_categorical(tmp_path):
    """pandas' categories of whole numbers are categories."""
    column = pa.array([3, 3, None, 1]).dictionary_encode()
    feather.write_feather(pa.table({"k": column}), tmp_path / "k.arrow")
    found = build_profile(tmp_path / "k.arrow", options()).categorical[0]
    assert (("3", "1"), [2, 1], 1) == (found.categories, found.counts.tolist(), found.missing)


def test_not_a_number_in_csv_is_missing_and_infinity_invalid(tmp_path):
    """NaN and inf are what floats of these names are elsewhere."""
    (tmp_path / "d.csv").write_text("x,y\nNaN,1\ninf,1\n1.5,1\n")
    column = build_profile(tmp_path / "d.csv", options(features=("x",))).numeric[0]
    assert (1, 1, 1) == (column.n, column.missing, column.invalid)


def test_progress_ends_at_the_total(tmp_path):
    """The bar is told of every row of every column."""
    told = []
    build_profile(written(tmp_path, "parquet"), options(), lambda *step: told.append(step))
    assert ("column flag", 4 * ROWS, 4 * ROWS) == told[-1]


def test_memory_is_bounded_by_a_column(tmp_path):
    """8 columns of a million rows (64 MB) need less than 4 columns more than one of them does."""
    rng = np.random.default_rng(1)
    pq.write_table(
        pa.table({f"x{i}": rng.normal(size=1_000_000) for i in range(8)}), tmp_path / "big.parquet"
    )
    peaks = [
        _peak_kib(tmp_path / "big.parquet", features)
        for features in ("x0", ",".join(f"x{i}" for i in range(8)))
    ]
    assert peaks[1] - peaks[0] < 4 * 8_000


def _peak_kib(path, features):
    """Peak resident memory of a process that builds a reference."""
    code = (
        "import resource,sys;from pathlib import Path;"
        "from driftline.reference.build import BuildOptions,build_profile;"
        "build_profile(Path(sys.argv[1]),BuildOptions(model='m',version='1',features=tuple(sys.argv[2].split(','))));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path), features], capture_output=True, text=True, check=True
    )
    return int(run.stdout)

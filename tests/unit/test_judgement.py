"""One judgement on the columns of a file: ``init`` and ``reference build`` take the same ones for features."""

import json

import pyarrow as pa
import pytest
from pyarrow import feather

from driftline.reference.build import build_reference
from driftline.reference.facts import Column, fact_of, kind_of
from driftline.reference.file import load
from driftline.reference.judgement import Named, judge
from driftline.reference.options import BuildOptions
from driftline.reference.tables import open_table
from driftline.reference.units import Unit
from tests.unit.init_world import run, write_csv

HEAD = "event_ts,target_time,customer_id,account,zip,day,flag,income,comment,seq_no,y_score,y_pred,y"


def newcomer(path, rows=3000):
    """Times, ids with several rows each, codes, a placeholder among numbers: what people bring."""

    def row(i):
        time = f"2026-01-{1 + i // 144:02d}T{i // 6 % 24:02d}:{i % 6}0:00Z"
        income = "N/A" if i % 50 == 3 else 1000 + i * 7919 % 4001
        answer = "yes" if i * 37 % 10 > 6 else "no"
        return [time, time, i * 31 % 700, f"A{i * 31 % 700}", 10_000 + i * 7 % 23, i % 7 + 1, i % 2, income,
                f"said {i}", i * 7919 % rows, i * 37 % 10 / 10, answer, answer]  # fmt: skip

    return write_csv(path, HEAD.split(","), map(row, range(rows)))


def column(name, **more):
    return Column(
        **{"name": name, "numeric": True, "rows": 1000, "present": 1000, "distinct": 400, "integral": True}
        | more
    )


def test_init_and_reference_build_take_the_same_columns_for_features(tmp_path, capfd):
    """The same names, of the same kind, and the same reasons."""
    data = newcomer(tmp_path / "d.csv")
    outputs = (
        "--prediction",
        "y_pred",
        "--score",
        "y_score",
        "--label",
        "y",
        "--positive",
        "yes",
        "--time",
        "event_ts",
    )
    code, _out, built = run(
        capfd,
        "reference",
        "build",
        data,
        "--model",
        "d",
        "--version",
        "1",
        "--output",
        tmp_path / "r.json",
        *outputs,
    )
    assert (0, 0) == (code, run(capfd, "init", data, "--output", tmp_path / "o")[0])
    one, other = load(tmp_path / "r.json"), load(tmp_path / "o/references/d-1.json")
    expected = (["day", "flag", "income", "seq_no"], ["account", "zip"])
    assert expected == tuple(sorted(p.name for p in ps) for ps in (one.numeric, one.categorical))
    assert expected == tuple(sorted(p.name for p in ps) for ps in (other.numeric, other.categorical))
    assert [
        "  of them whole numbers that name things: zip",
        "left out: target_time: it holds times",
        "left out: customer_id: by its name it is an id, and it has 700 different values",
        "left out: comment: no text occurs twice, so it is a name and no category",
        'warning: income: 60 of its 3000 values are texts, as "N/A": they count as invalid',
    ] == built.splitlines()[-5:]


def test_what_is_named_is_taken_as_it_is(tmp_path, capfd):
    """--features names all, an id and a time too; whole numbers that no --categorical names are numbers."""
    data = newcomer(tmp_path / "d.csv")
    code, _out, err = run(
        capfd, "reference", "build", data, "--model", "d", "--version", "1", "--output", tmp_path / "r.json",
        "--features", "zip,customer_id,event_ts,flag", "--categorical", "flag",
    )  # fmt: skip
    profile = load(tmp_path / "r.json")
    assert (0, ["zip", "customer_id"], ["event_ts", "flag"]) == (
        code,
        [p.name for p in profile.numeric],
        [p.name for p in profile.categorical],
    )
    assert (
        "warning: zip: its whole numbers may only name things; --categorical zip compares them one by one"
        in err
    )
    assert "left out" not in err


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (column("customer_id"), "by its name it is an id, and it has 400 different values"),
        (
            column("UUID", numeric=False, integral=False),
            "by its name it is an id, and it has 400 different values",
        ),
        (
            column("seq", growing=True),
            "by its name it is a clock or a counter, and it only grows from row to row",
        ),
        (column("known_at", unit=Unit.SECONDS), "it holds times"),
        (column("birth", numeric=False, unit=Unit.TEXT), "it holds times"),
        (column("tags", numeric=False, nested=True), "it holds lists or objects"),
        (column("x", present=0), "it is empty"),
        (column("score"), "its name says that it is none"),
    ],
)
def test_what_is_no_feature_is_left_out_with_the_reason(found, reason):
    """Unless it is named."""
    assert ((found.name, reason),) == judge({found.name: found}, Named()).left
    assert (found.name,) == judge({found.name: found}, Named(numeric=(found.name,))).numeric


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (column("x"), "numeric"),
        (column("x", integral=False), "numeric"),
        (column("day", distinct=7), "numeric"),
        (column("month", distinct=12), "numeric"),
        (column("is_new", distinct=2, highest=1.0), "numeric"),
        (column("paid", distinct=1), "numeric"),
        (column("grade_id", integral=False), "numeric"),
        (column("shop_id", distinct=12), "codes"),
        (column("zip", distinct=200), "codes"),
        (column("zip", distinct=400), "numeric"),
        (column("colour", numeric=False), "categorical"),
    ],
)
def test_numbers_are_numbers_unless_their_name_says_that_they_name_things(found, kind):
    """A day or a flag has an order, a shop has none; codes too many to be compared stay numbers."""
    judged = judge({found.name: found}, Named())
    assert (found.name,) == getattr(judged, kind)
    assert () == judged.left


def test_numbers_that_only_grow_stay_a_feature_and_are_told_of():
    """Sorted data is no clock; a fraction such as Elec2's date is told of, and is for the user to leave out."""
    found = {"x": column("x", growing=True), "date": column("date", growing=True, integral=False)}
    judged = judge(found, Named())
    assert (("x", "date"), ["x", "date"]) == (judged.numeric, [name for name, _ in judged.doubts])


def test_columns_of_any_type_are_looked_at(tmp_path):
    """pandas' categories, nothing but nulls, bytes, times of day: none is a crash."""
    table = pa.table({
        "c": pa.array(["a", "b", None] * 100).dictionary_encode(), "n": pa.array([3, 4, 5] * 100).dictionary_encode(),
        "none": pa.nulls(300), "raw": pa.array([b"x"] * 300), "list": pa.array([[1]] * 300),
        "when": pa.array([1] * 300, pa.time32("s")), "x": pa.array([0.5] * 300, pa.float32()),
        "flag": pa.array([True, False, None] * 100),
    })  # fmt: skip
    feather.write_feather(table, tmp_path / "d.arrow")
    judged = build_reference(tmp_path / "d.arrow", BuildOptions(model="m", version="1")).judged
    assert (("x",), ("c", "n", "flag")) == (judged.numeric, judged.categorical)
    assert {"none": "it is empty", "raw": "it holds lists or objects", "list": "it holds lists or objects",
            "when": "it holds times"} == dict(judged.left)  # fmt: skip


def test_nested_features_are_judged_too(tmp_path):
    """Of canonical events what stands under features may be one, and an id among them is none."""
    lines = (
        f'{{"prediction_id": "p{i}", "host": "h", "features": {{"user_id": {i % 90}, "time": {i % 9}, "t": [{i}]}}}}\n'
        for i in range(300)
    )
    (tmp_path / "d.jsonl").write_text("".join(lines), encoding="utf-8")
    judged = build_reference(tmp_path / "d.jsonl", BuildOptions(model="m", version="1")).judged
    assert (("time",), ()) == (judged.numeric, judged.categorical)
    assert ["prediction_id", "host", "user_id", "t"] == [name for name, _ in judged.left]


@pytest.mark.parametrize("odd", [0, 1, 5, 6, 50, 100])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_brief_look_tells_the_same_kind(odd, kind, tmp_path):
    """Up to 5 of 100 values that are no numbers leave a column one of numbers; infinities and gaps are no texts."""
    text = ["?"] * odd + ["1.5"] * (100 - odd)
    cells = {
        "x": text,
        "inf": ["inf" if kind == "csv" else "1e999"] * 50 + text[:50],
        "gaps": [""] * 20 + text[:80],
        "none": [""] * 100,
    }
    path = tmp_path / f"d.{kind}"
    if kind == "csv":
        write_csv(path, list(cells), zip(*cells.values(), strict=True))
    else:
        rows = (dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True))
        path.write_text(
            "".join(f"{{{', '.join(map(_pair, row.items()))}}}\n" for row in rows), encoding="utf-8"
        )
    table = open_table(path, (0, None), tmp_path, lambda *_: None)
    brief, whole = ([look(table, name) for name in cells] for look in (kind_of, fact_of))
    assert [(c.numeric, c.odd, c.odd_sample) for c in whole] == [
        (c.numeric, c.odd, c.odd_sample) for c in brief
    ]
    assert (odd <= 5, True) == (brief[0].numeric, brief[3].numeric)


def _pair(item):
    name, value = item
    return f'"{name}": {value if value[:1].isdigit() else json.dumps(value)}'

"""The reference file: exact round trips, and refusals with the place of the mistake."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from driftline.errors import DataError
from driftline.reference.bins import bins_id, categorical_profile, numeric_profile
from driftline.reference.file import dump, load, parse, with_id
from driftline.reference.profile import Profile
from driftline.reference.shape import json_schema
from driftline.settings import Task


def profile():
    rng = np.random.default_rng(5)
    numeric = (
        numeric_profile("x", rng.normal(size=300) / 3),
        numeric_profile("empty", np.full(3, np.nan)),
        numeric_profile("huge", np.array([1e300, -1e300, np.inf, 0.1])),
    )
    categorical = (categorical_profile("c", {"é": 2, 'q"': 1}, missing=1),)
    return with_id(Profile(
        model="m", version="1", task=Task.BINARY, positive="UP", id="", sha256="0" * 64,
        bins_id=bins_id(numeric, categorical), rows=300, numeric=numeric, categorical=categorical,
        score=numeric_profile("s", rng.random(50).astype(np.float32), float32=True), label_mean=1 / 3,
        performance={"classes": ["DOWN", "UP"], "confusion": [[1, 0], [0, 1]], "metrics": {"f1": 1.0}, "n": 2},
        lineage={"data": "d.csv", "run": "17"}, time_span_ms=(1, 2),
    ))  # fmt: skip


def changed(**changes):
    return json.dumps(json.loads(dump(profile())) | changes).encode()


def test_a_reference_comes_back_bit_for_bit(tmp_path):
    """Every float, NaN and infinity of a written reference is read back as it was."""
    before = profile()
    (tmp_path / "r.json").write_bytes(dump(before))
    after = load(tmp_path / "r.json")
    assert dump(before) == dump(after)
    assert before.id == after.id
    for one, other in zip(before.numeric, after.numeric, strict=True):
        for name in ("edges", "counts", "means", "decile_edges", "coarse_edges", "single"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)
        np.testing.assert_equal((one.mean, one.std, one.minimum), (other.mean, other.std, other.minimum))


def test_the_same_content_has_the_same_id_and_another_another():
    """The id is a function of the content."""
    assert profile().id == profile().id
    assert json.loads(dump(profile()))["id"] == profile().id


def test_the_published_schema_is_that_of_the_program():
    """reference.schema.json is generated from the shape; a changed shape is a reviewed diff."""
    published = files("driftline").joinpath("schemas/reference.schema.json").read_text()
    assert json_schema() == json.loads(published)


def test_a_written_reference_follows_the_published_schema():
    """An outside validator accepts what the program writes."""
    jsonschema.Draft202012Validator(json_schema()).validate(json.loads(dump(profile())))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "r.json: is no JSON: "),
        (b"[]", "r.json: $.format: this is no reference"),
        (b"\xff", "r.json: is no JSON: "),
        (
            changed(format_version=2),
            "r.json: $.format_version: this program reads version 1, not 2; build it again",
        ),
        (changed(rows="many"), "r.json: Expected `int`, got `str` - at `$.rows`"),
        (changed(task="guess"), "r.json: Invalid enum value 'guess' - at `$.task`"),
        (changed(surprise=1), "r.json: Object contains unknown field `surprise`"),
        (changed(rows=299), "r.json: $.id does not match the content"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(data, message):
    """Damaged, foreign, newer and edited files are told apart."""
    with pytest.raises(DataError) as caught:
        parse(data, "r.json")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"edges": [2.0, 1.0]}, "edges must be finite and rise"),
        ({"counts": [1]}, "counts and means must have one value for each of the"),
        ({"n": 7}, "counts must sum to n"),
        ({"decile_edges": [99.0]}, "decile_edges and coarse_edges must be among the edges"),
        ({"single": [0]}, "single must hold indices of inner bins"),
        ({"scale": 0.0}, "center must be finite and scale positive"),
    ],
)
def test_a_column_that_contradicts_itself_is_refused(changes, message):
    """What the types alone do not say is checked, and the column named."""
    raw = json.loads(dump(profile()))
    raw["numeric"][0] |= changes
    with pytest.raises(DataError) as caught:
        parse(json.dumps(raw).encode(), "r.json")
    assert f"r.json: $.numeric[0] (x): {message}" in str(caught.value)


def resigned(**changes):
    """As ``changed``, by somebody who knows how the id is made."""
    content = json.loads(dump(profile())) | changes
    text = json.dumps(
        {k: v for k, v in content.items() if k != "id"},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return json.dumps(
        content | {"id": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()}
    ).encode()


FIRST = json.loads(dump(profile()))["numeric"][0]
WORDS = json.loads(dump(profile()))["categorical"][0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[" * 100_000, "is no JSON"),
        (b'{"format": NaN}', "NaN is no number of JSON"),
        (b"1" * 5000, "is no JSON"),
        (b"\xff{}", "is no JSON"),
        (changed(model="\ud800"), "half a character"),
        (resigned(lineage={"run": "\ud800"}), "half a character"),
        (resigned(performance={"metrics": "f1", "n": 1}), r"\$.metrics"),
        (resigned(performance={"metrics": {"f1": "high"}, "n": 1}), r"\$.metrics"),
        (resigned(performance={"metrics": {}}), "missing required field `n`"),
        (resigned(performance={"metrics": {}, "n": 1, "classes": ["a"], "confusion": [[1, 2]]}), "1 by 1"),
        (resigned(performance={"metrics": {}, "n": 1, "classes": ["a"], "confusion": [[-1]]}), "counts"),
        (resigned(performance={"metrics": {}, "n": 1, "sums": {"error": "big"}}), r"\$.sums"),
        (resigned(numeric=[FIRST | {"missing": -1}]), "missing and invalid must be counts"),
        (resigned(numeric=[FIRST | {"counts": [10**30, *FIRST["counts"][1:]]}]), "counts"),
        (resigned(categorical=[WORDS | {"counts": [-1] * len(WORDS["counts"]), "n": -len(WORDS["counts"])}]), "must be counts"),
    ],
)  # fmt: skip
def test_an_odd_file_is_refused_in_words(data, message):
    """The daemon reads it at the first event of a version, and goes on without a reference or tells why."""
    with pytest.raises(DataError, match=message):
        parse(data, "r.json")


def test_a_device_is_no_reference():
    """A read of /dev/zero ends with the machine's memory."""
    with pytest.raises(DataError, match="is a device"):
        load(Path("/dev/zero"))


def test_a_file_that_is_not_there_is_the_datas_error(tmp_path):
    """The message has the path."""
    with pytest.raises(DataError, match=r"r\.json: cannot be read: No such file"):
        load(tmp_path / "r.json")


def test_a_file_of_before_thresholds_were_noted_is_read():
    """Without the key; with none to note there is none in the file, and its id is what it was."""
    content = json.loads(dump(profile()))
    assert ("threshold" in content, parse(dump(profile()), "r.json").threshold) == (False, None)

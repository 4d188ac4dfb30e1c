"""A sample as a JSON line: one shape, keys in order."""

import numpy as np
import pytest

from driftline.instants import parse_instant, rfc3339
from driftline.records import Dimension, Evaluation
from driftline.statistics.lines import sample_lines

HEAD = b'{"statistic":"%s","model":"elec2","version":"1",'
TAIL = b'"window":"28d","end":"1996-12-10T00:00:00Z","judged":"1996-12-10T01:00:00.500Z",'
END = parse_instant("1996-12-10T00:00:00Z")


def lines(statistic, dimension, value, n=1344, sufficient=True, bounds=None, **final):
    low, high = (None, None) if bounds is None else (np.array([[b]]) for b in bounds)
    one = Evaluation(
        statistic, (dimension,), np.array([[value]]), np.array([[n]]), np.array([[sufficient]]), low, high
    )
    return sample_lines("elec2", "1", "28d", END, END + 3_600_500, [one], 0, **final)


def test_a_feature_line():
    """The shape of the design, to the letter."""
    expected = HEAD % b"psi" + b'"feature":"nswprice",' + TAIL
    expected += b'"value":0.1234,"n":1344,"low":null,"high":null,"state":"ok"}'
    assert [expected] == lines("psi", Dimension(feature="nswprice"), 0.1234)


def test_parts_stand_after_the_feature():
    """class, segment, output, average only where they apply; feature always."""
    at = Dimension(class_="UP", segment=("region", "nsw"), output="class", average="macro")
    expected = HEAD % b"f1" + b'"feature":null,"class":"UP","segment":{"region":"nsw"},"output":"class",'
    expected += b'"average":"macro",' + TAIL + b'"value":0.5,"n":1344,"low":0.4,"high":null,"state":"final"}'
    assert [expected] == lines("f1", at, 0.5, bounds=(0.4, np.nan), state_final=True)


@pytest.mark.parametrize(("value", "sufficient"), [(np.nan, True), (np.inf, True), (0.5, False)])
def test_what_cannot_be_relied_on_is_null(value, sufficient):
    """Undefined or gated: null and insufficient, with its n, never 0."""
    (line,) = lines("f1", Dimension(), value, sufficient=sufficient, bounds=(0.1, 0.9))
    assert line.endswith(b'"value":null,"n":1344,"low":null,"high":null,"state":"insufficient"}')


def test_an_empty_window_writes_nothing():
    """No events, no lines."""
    assert [] == lines("events", Dimension(), 0.0, n=0)
    assert [] == lines("psi", Dimension(feature="x"), np.nan, n=0)


def test_instants_go_there_and_back():
    """Milliseconds only when they are not zero; any offset is read, none is refused."""
    assert "1970-01-01T00:00:00Z" == rfc3339(0)
    assert "1969-12-31T23:59:59.999Z" == rfc3339(-1)
    assert 0 == parse_instant("1970-01-01T02:00:00+02:00")
    with pytest.raises(ValueError, match="no offset"):
        parse_instant("1970-01-01T00:00:00")

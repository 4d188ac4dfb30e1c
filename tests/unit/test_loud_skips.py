"""A program that is not installed is said so, or is a failure where it must be there."""

import pytest

from tests.prometheus.programs import program


def test_an_absent_program_is_a_loud_skip(monkeypatch):
    """Its name in capitals, and what to install."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("DRIFTLINE_REQUIRE_PROMETHEUS", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"NO PROMTOOL: install the packages prometheus and "):
        program("promtool")


def test_where_it_is_required_it_is_a_failure(monkeypatch):
    """As in CI."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("DRIFTLINE_REQUIRE_PROMETHEUS", "1")
    with pytest.raises(pytest.fail.Exception, match=r"no amtool is installed"):
        program("amtool")

"""What the page says, section by section, as HTML; how it looks and behaves is tested in a browser."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from driftline.metrics.view import DaemonView
from driftline.web.page import Asked, render
from driftline.web.page.charts import line
from driftline.web.page.markup import name, tag
from driftline.web.page.standing import State, standings
from driftline.web.page.words import count, duration, number, share, size
from driftline.web.server import application


def text(html):
    """The words of a document, blanks as one space."""
    found = []

    class Words(HTMLParser):
        def handle_data(self, data):
            found.append(data)

    Words().feed(html)
    return re.sub(r"[\s\u00a0\u202f]+", " ", " ".join(found))


@pytest.fixture(scope="module")
def view(views):
    return views.every_state()


def test_every_state_is_told_apart(view):
    """Worst first; each has its word."""
    assert [
        ("firing-one", State.FIRING), ("pending-one", State.PENDING), ("silent-one", State.SILENT),
        ("few-one", State.INSUFFICIENT), ("bare-one", State.NO_REFERENCE), ("fine-one", State.OK),
    ] == [(s.model.model, s.state) for s in standings(view)]  # fmt: skip


def test_a_stream_on_hold_is_no_state_of_well_being(view):
    """Nothing is judged, so what is not pending or firing is held, and the page says so."""
    held = replace(view, streams=(replace(view.streams[0], hold="data loss"),))
    assert State.OK not in {s.state for s in standings(held)}
    assert "Not judged now: the stream is on hold." in text(render(held))


def test_a_firing_rule_on_silence_is_silence(views):
    """A model that fires for no other reason than having no events is silent, not drifting."""
    base = views.every_state()
    quiet = views.rule("silent", "fine-one", "firing", condition="no events for 2h", metric=None)
    seen = replace(base, streams=(replace(base.streams[0], rules=[quiet]),))
    assert State.SILENT == next(s.state for s in standings(seen) if s.model.model == "fine-one")


def test_the_first_questions_are_answered(view):
    """What changed, since when, how sure, does it matter: of the pending and the firing model."""
    words = text(render(view))
    for said in (
        "F1 0.800 when validated, now 0.500 , over 1d.",
        "Largest drift price , PSI 0.250 (≤ 1 went from 50 % to 10 %).",
        "Pending since 5 Jan 1970, 00:00 (1 d).",
        "Fires at 7 Jan 1970, 00:00 if it holds.",
        "True since 3 Jan 1970, 00:00 (3 d).",
        "Fired 5 Jan 1970, 00:00",
        "95 % interval 0.450 to 0.550.",
        "All of it is below the threshold 0.700.",
        "540 of 600 predictions labelled (90 %).",
        "critical : rule low asks for a retraining.",
        "f1 over 1d below 0.7 , for 48h.",
    ):
        assert said in words


def test_too_little_data_is_never_a_number(view):
    """An insufficient F1 is said to be one, with its n, and so is a version without a reference."""
    words = text(render(view, Asked(model="few-one")))
    assert "F1 over 1d: too little data (600 labelled)." in words
    assert "PSI 0.250" not in words
    assert "No reference, so nothing to compare features with." in text(render(view, Asked(model="bare-one")))


def test_triggers_show_their_evidence(view):
    """Reason, window, drifted features and the offsets of the fresh data."""
    words = text(render(view))
    for said in ("retraining requested", "f1 is 0.5, below 0.7", "1d to 5 Jan 1970, 00:00 , 600 events, 90 % labelled",
                 "price 0.250", "predictions [0] 10–99"):  # fmt: skip
        assert said in words


def test_the_health_of_the_daemon_is_there(view):
    """Lag, pauses, dead letters by reason (no zeros), what no entry matches."""
    words = text(render(view))
    for said in (
        "10 messages",
        "skew",
        "predictions not json 7",
        "stranger 2 9",
        "3 staged events, 40 awaiting a label",
    ):
        assert said in words
    assert "bad time" not in words


def test_why_it_is_not_ready_stands_at_the_top(view):
    """Before anything else."""
    words = text(render(replace(view, ready=False, reasons=("Kafka cannot be reached",))))
    assert words.index("Kafka cannot be reached") < words.index("Firing")


def test_what_came_too_late_and_a_stream_without_kafka_are_said(view):
    """An operator asks why nothing is counted."""
    (stream, *others) = view.streams
    late = replace(stream, counters={**stream.counters, "events_late_total": {("dropped",): 3000}}, hold=None)
    words = text(render(replace(view, streams=(late, *others), kafka_up=False)))
    assert "3 000 events came too late and were dropped" in words.replace("\u202f", " ").replace("\xa0", " ")
    assert "waits for Kafka" in words


def test_an_empty_daemon_has_a_page_too():
    """Right after the start there is nothing to show, and that is said."""
    assert "No events of a monitored model yet" in render(DaemonView())


def test_a_model_has_a_page_of_its_own(view):
    """Every rule and feature of it, nothing of others; an unknown one is said to be unknown."""
    words = text(render(view, Asked(model="fine-one")))
    assert "Features over 1d" in words
    assert "inactive" in words
    assert "pending-one" not in words
    assert "No event of this model has been read" in text(render(view, Asked(model="nobody")))


def test_a_tag_selects_its_models(views, view):
    """A team sees its own."""
    stream = view.streams[0]
    other = replace(
        view,
        streams=(replace(stream, models=[*stream.models, views.model("theirs", tags={"team": "risk"})]),),
    )
    assert "theirs" in text(render(other, Asked(tag="team: risk")))
    assert "version 1 firing" not in text(render(other, Asked(tag="team: risk")))


def test_a_fleet_is_summed_up_first(elec2_view, elec2):
    """300 models: one sentence and tallies, the worst as a card, the others as rows; well under a megabyte."""
    page = render(elec2_view.fleet(elec2, 300))
    assert "1 model version is firing" in page
    assert (1, 299) == (page.count("<article"), page.count('class="trend"'))
    assert len(page) < 600_000


def test_nothing_hostile_is_markup(views):
    """Every name is escaped wherever it stands; characters that turn text are shown by their number."""
    page = render(views.hostile())
    for bad in (views.SCRIPT, views.ATTRIBUTE, "<script", "<img", views.TURNED, "\u202e"):
        assert bad not in page
    assert escape(views.SCRIPT) in page
    assert "user\\u202egnp.exe" in page


def test_the_policy_allows_only_our_own_files(view):
    """No script at all, no inline style, nobody frames the page."""
    answer = TestClient(application(lambda: view)).get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; style-src 'self'; img-src 'self'" in policy
    assert "unsafe" not in policy
    for inline in ("<script", "<style", " style=", " onclick", "javascript:", "http://", "https://"):
        assert inline not in answer.text


def test_refreshing_is_the_reader_s_choice(view):
    """A page that reloads by itself takes the place away from who reads it slowly."""
    client = TestClient(application(lambda: view))
    assert (None, "15") == (
        client.get("/").headers.get("refresh"),
        client.get("/?live=1").headers.get("refresh"),
    )


def test_what_is_unknown_is_a_gap_in_a_line():
    """Two stretches, no line through the hole; one description for who cannot see it."""
    drawn = line("F1", "two ends", [0.5, 0.6, float("nan"), 0.7, 0.8])
    assert 2 == drawn.count("<polyline")
    assert "nan" not in drawn
    assert 'role="img"><title>F1</title><desc>two ends</desc>' in re.sub(
        r' viewBox="[^"]*"| preserveAspectRatio="none"', "", drawn
    )


def test_a_line_without_numbers_can_be_drawn():
    """Nothing known, or all the same."""
    assert "nan" not in line("a", "b", [float("nan")])
    assert "nan" not in line("a", "b", [0.0, 0.0], threshold=0.0)


def test_text_is_escaped_unless_it_is_markup():
    """By its type, in attributes too."""
    assert '<p title="&quot;">&lt;b&gt;<i>x</i></p>' == tag("p", "<b>", tag("i", "x"), title='"')


@pytest.mark.parametrize(
    ("expected", "shown"),
    [
        ("0.671", number(0.6706)), ("–", number(None)), ("–", number(float("nan"))), ("12.3", number(12.34)),
        ("1,234", number(1234.4)), ("9.9 %", share(0.0992)), ("100 %", share(1.0)), ("0 %", share(0.0)), ("0.76 %", share(0.0076)),
        ("1 d 11 h", duration(35 * 3_600_000 + 59_000)), ("0 s", duration(0)), ("2.3 MiB", size(2_400_000)), ("1 344", count(1344)),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people(expected, shown):
    """Spaces inside do not break."""
    assert expected == re.sub(r"[\u00a0\u202f]", " ", shown)


def test_the_page_of_a_view_is_made_once(view, monkeypatch):
    """Two readers cost one page; a new view and another question each cost one more."""
    made = []
    monkeypatch.setattr("driftline.web.page.render", lambda _view, asked: made.append(asked) or "page")
    held = [view]
    client = TestClient(application(lambda: held[0]))
    client.get("/")
    client.get("/")
    client.get("/?model=fine-one")
    held[0] = replace(view, now_ms=1)
    client.get("/")
    assert [Asked(), Asked(model="fine-one"), Asked()] == made


def test_quality_is_not_praised_without_data(view):
    """Too few events are no good data."""
    assert "Data quality too little data" in text(render(view, Asked(model="few-one")))
    assert "25 % missing in price" in text(render(view, Asked(model="fine-one")))


def test_a_model_without_features_has_not_too_few_events(views):
    """On the card and on its page; there, what it answers is still shown."""
    full = views.every_state()
    stream = replace(
        full.streams[0], models=[views.model("m")], windows=views.windows("m", features=()), rules=[]
    )
    bare = replace(full, streams=(stream,), triggers=())
    for asked in (Asked(), Asked(model="m")):
        said = text(render(bare, asked))
        assert ("Too few events" in said, "too little data" in said) == (False, False), asked
    assert "Drift The reference has no features." in text(render(bare, Asked()))
    assert "Data quality the reference has no features" in text(render(bare, Asked(model="m")))


def test_more_classes_than_are_told_apart_are_said(view):
    """Where ``other`` is a class, it is said what that is."""
    (stream, *others) = view.streams
    models = [replace(m, classes_over=100) if m.model == "fine-one" else m for m in stream.models]
    html = render(replace(view, streams=(replace(stream, models=models), *others)), Asked(model="fine-one"))
    assert 1 == text(html).count("Classes more than limits.classes, 100: the rest counts as other")


def test_a_model_that_is_not_there_is_not_found(view):
    """404 for machines, a page for people."""
    client = TestClient(application(lambda: view))
    codes = [
        client.get(f"/?model={q}").status_code
        for q in ("fine-one", "fine-one&version=1", "fine-one&version=9", "nobody")
    ]
    assert [200, 200, 404, 404] == codes


def test_refreshing_keeps_what_was_asked_for(view):
    """The link leads to the same page, reloading; and back."""
    assert 'href="/?model=fine-one&amp;live=1"' in render(view, Asked(model="fine-one"))
    assert 'href="/?model=fine-one">Stop refreshing' in render(view, Asked(model="fine-one", live=True))


def test_a_long_name_breaks_after_its_separators_first():
    """And a short one nowhere; what is in it stays text."""
    assert name("customer_lifetime-value") == '<bdi class="name">customer_<wbr>lifetime-<wbr>value</bdi>'
    assert name("f1 over 1d below 0.7") == '<bdi class="name">f1 over 1d below 0.7</bdi>'
    assert name("<b>_aaaaaaaaaaaaaaaa") == '<bdi class="name">&lt;b&gt;_<wbr>aaaaaaaaaaaaaaaa</bdi>'

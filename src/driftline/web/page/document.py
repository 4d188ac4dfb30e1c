"""The whole document: head, landmarks, and which sections stand on it."""

from __future__ import annotations

from dataclasses import dataclass

from driftline.metrics.view import DaemonView
from driftline.web.page import daemon, fleet, triggers
from driftline.web.page.markup import Markup, join, link, name, tag
from driftline.web.page.model import card
from driftline.web.page.standing import Standing, standings
from driftline.web.page.words import duration, instant, plural

POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The page's Content-Security-Policy: the style sheet and the icon that this server has, and nothing else."""
LIVE_S = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of the page is wanted."""

    model: str | None = None
    version: str | None = None
    tag: str | None = None
    """``team: pricing``: the models that have it."""
    live: bool = False

    def is_there(self, view: DaemonView) -> bool:
        """Whether the model asked for has been seen; without one there is always a page."""
        every = (m for stream in view.streams for m in stream.models)
        return self.model is None or any(
            m.model == self.model and self.version in (None, m.version) for m in every
        )


def render(view: DaemonView, asked: Asked | None = None) -> str:
    """The page: all models (of a tag), or one model (one version) whole."""
    asked = asked or Asked()
    found = standings(view, asked.model, asked.version)
    if asked.tag is not None:
        found = [s for s in found if asked.tag in (f"{k}: {v}" for k, v in s.model.tags.items())]
    if asked.model is None:
        title, body = fleet.headline(found), _fleet(view, found, asked.tag)
    else:
        title, body = f"{asked.model}: not seen" if not found else asked.model, _model(asked.model, found)
    content = tag("body", _skip(), _header(view, asked), body, _footer(view))
    return "<!doctype html>" + tag("html", _head(title), content, lang="en")


def _head(title: str) -> Markup:
    return tag(
        "head",
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'),
        tag("title", f"{title} · driftline"),
        Markup(
            '<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="/static/driftline.css">'
        ),
        Markup('<link rel="icon" type="image/svg+xml" href="/static/driftline.svg">'),
    )


def _skip() -> Markup:
    return tag("a", "Skip to the models", href="#main", class_="skip")


def _header(view: DaemonView, asked: Asked) -> Markup:
    brand = tag("p", link("driftline"), class_="brand")
    ready = tag(
        "span", "ready" if view.ready else "not ready", class_="badge ok" if view.ready else "badge firing"
    )
    times = [s.watermark_ms for s in view.streams if s.watermark_ms is not None]
    stands = join(("event time ", instant(min(times)), " UTC")) if times else Markup("no event time yet")
    same = {
        "model": asked.model,
        "version": asked.version,
        "tag": asked.tag,
        "live": None if asked.live else "1",
    }
    label = "Stop refreshing" if asked.live else f"Refresh every {LIVE_S} s"
    live_link = link(label, **{key: value for key, value in same.items() if value is not None})
    sections = (
        ("#main", "Models"),
        ("/#triggers", "Triggers"),
        ("/#health", "Health"),
        ("/metrics", "Metrics"),
        ("/api/v1/openapi.json", "API"),
    )
    links = [tag("li", tag("a", label, href=href)) for href, label in sections]
    nav = tag("nav", tag("ul", *links, tag("li", live_link)), aria_label="Sections")
    return tag("header", brand, tag("p", ready, " ", stands, class_="stands"), nav, class_="top")


def _fleet(view: DaemonView, found: list[Standing], of: str | None) -> Markup:
    reasons = [tag("li", reason) for reason in view.reasons or ("starting",)]
    return tag(
        "main",
        tag("p", link("All models"), ", of ", name(of), " here", class_="back") if of is not None else "",
        tag("h1", fleet.headline(found)),
        "" if view.ready else tag("ul", *reasons, class_="reasons"),
        fleet.tallies(found),
        fleet.groups(found, attention=True),
        _section("triggers", "Recent triggers", triggers.recent(view.triggers)),
        fleet.groups(found, attention=False),
        _section("health", "Health of the daemon", daemon.health(view)),
        id="main", tabindex="-1",
    )  # fmt: skip


def _section(anchor: str, title: str, *content: object) -> Markup:
    return tag("section", tag("h2", title, id=anchor), *content, class_="group", aria_labelledby=anchor)


def _model(model: str, found: list[Standing]) -> Markup:
    back = tag("p", link("All models"), class_="back")
    if not found:
        none = tag("p", "No event of this model has been read, or no entry of the configuration matches it.")
        return tag("main", back, tag("h1", name(model)), none, id="main", tabindex="-1")
    published = [t for s in found for t in s.triggers]
    return tag(
        "main", back, tag("h1", name(model)), *(card(s, 2, whole=True) for s in found),
        _section("triggers", "Its triggers", triggers.recent(published, 20)), id="main", tabindex="-1",
    )  # fmt: skip


def _footer(view: DaemonView) -> Markup:
    made = join(("As of ", instant(view.now_ms), " UTC. Times are UTC; rules and windows are in event time."))
    commit = (
        f" Last commit {duration(view.now_ms - view.last_commit_ms)} before." if view.last_commit_ms else ""
    )
    streams = plural(len(view.streams), "stream")
    return tag("footer", tag("p", f"driftline {view.version}, {streams}. ", made, commit))

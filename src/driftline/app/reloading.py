"""Reading the configuration again: a good one takes effect between two commits, a bad one changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from driftline.config.model import Config
from driftline.errors import ConfigError, DriftlineError

WAIT_S = 60.0

NOT_HERE = "the configuration was given as a value, not as a file; restart to change it"


@dataclass(slots=True)
class Reloading:
    """Requests to reload, from a signal or from another thread, and how the last one went."""

    load: Callable[[], Config] | None = None
    read_ms: int = 0
    """When the configuration was last read with success."""
    ok: bool = True
    _wanted: threading.Event = field(default_factory=threading.Event)
    _answers: list[tuple[threading.Event, list[str]]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self) -> None:
        """Reload at the next turn of the loop; safe in a signal handler."""
        self._wanted.set()

    def ask_and_wait(self) -> Sequence[str]:
        """Ask from another thread; returns the problems, none when the configuration is in force."""
        done, problems = threading.Event(), list[str]()
        with self._lock:
            self._answers.append((done, problems))
        self.ask()
        if not done.wait(WAIT_S):
            return (f"the daemon did not come to it within {WAIT_S:.0f} s; it still will",)
        return problems

    def take(self) -> bool:
        """Whether somebody asked since the last time."""
        wanted = self._wanted.is_set()
        self._wanted.clear()
        return wanted

    def answer(self, problems: Sequence[str], now_ms: int) -> None:
        """Tell all who wait."""
        self.ok = not problems
        if self.ok:
            self.read_ms = now_ms
        with self._lock:
            waiting, self._answers = self._answers, []
        for done, told in waiting:
            told.extend(problems)
            done.set()

    def read(self, old: Config) -> tuple[Config | None, list[str]]:
        """The configuration as it is now; None with what is wrong with it, or cannot change in a running daemon."""
        if self.load is None:
            return None, [NOT_HERE]
        try:
            new = self.load()
        except ConfigError as error:
            return None, [str(problem) for problem in error.problems]
        except DriftlineError as error:
            return None, [str(error)]
        fixed = unchangeable(old, new)
        return (None, fixed) if fixed else (new, [])


def unchangeable(old: Config, new: Config) -> list[str]:
    """What only a restart can change."""
    pairs = [
        ("kafka.bootstrap_servers", old.kafka.bootstrap_servers, new.kafka.bootstrap_servers),
        ("kafka.topics", old.kafka.topics, new.kafka.topics),
        ("streams", sorted(s.name for s in old.streams), sorted(s.name for s in new.streams)),
        ("state.path", str(old.state_path), str(new.state_path)),
        ("http.listen", (old.http.host, old.http.port), (new.http.host, new.http.port)),
    ]
    found = [f"{name}: changed; that needs a restart" for name, before, after in pairs if before != after]
    if dict(old.kafka.properties) != dict(new.kafka.properties):
        found.append("kafka.properties: changed; that needs a restart")
    before = {s.name: s for s in old.streams}
    for stream in new.streams:
        was = before.get(stream.name)
        if was is None:
            continue
        changed = (
            k
            for k in ("predictions", "labels", "features", "format")
            if getattr(was, k) != getattr(stream, k)
        )
        found += [f"streams.{stream.name}.{kind}: changed; that needs a restart" for kind in changed]
    return found

"""What is to be exported and is nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from driftline.config.messages import Place, unknown
from driftline.config.model import Config
from driftline.settings import duration_text


def metrics_doubts(config: Config) -> Iterator[tuple[Place, str]]:
    """Exported windows that no model and no rule has."""
    own = {w.name for m in config.models for w in (*m.drift_windows, *m.performance_windows)}
    named = {duration_text(c.window_ms) for r in config.rules for c in r.comparisons() if c.window_ms}
    known = sorted(own | named)
    for index, name in enumerate(config.metrics.windows or ()):
        if name not in known:
            hint = f"; {unknown(name, known)}" if known else ""
            yield ("metrics", "windows", index), f"no model has a window of {name}{hint}"

"""One format of a user's own, out of a file with ``formats``: a whole configuration, or a draft of one."""

from __future__ import annotations

from pathlib import Path

from driftline.config.formats import FormatShape
from driftline.config.messages import Origins
from driftline.config.reading import Reading
from driftline.config.sources import read_yaml
from driftline.errors import ConfigError, Problem


def read_format(path: Path) -> tuple[str, FormatShape]:
    """Its name and shape.

    Raises
    ------
    ConfigError
        No such file, no YAML, mistakes in ``formats``, or not exactly one entry there.
    """
    raw, lines = read_yaml(path)
    reading = Reading(raw, path, Origins(lines))
    found = reading.formats()
    if reading.mistakes:
        raise ConfigError([reading.origins.problem(*m) for m in reading.mistakes], str(path))
    known = [(name, shape) for name, shape in found.items() if shape is not None]
    if len(known) != 1:
        names = ", ".join(found) or "none"
        raise ConfigError([Problem("formats", f"one format is needed, and here are: {names}")], str(path))
    return known[0]

"""The log: readable on a terminal, one JSON object a line elsewhere; always to standard error."""

from __future__ import annotations

import sys
from typing import TextIO

import structlog


def configure(stream: TextIO | None = None) -> structlog.typing.FilteringBoundLogger:
    """The application's logger; it is passed on to who logs, and nothing global is set."""
    out = sys.stderr if stream is None else stream
    terminal = out.isatty()
    return structlog.wrap_logger(  # type: ignore[no-any-return]
        structlog.PrintLogger(out),
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            *(() if terminal else (structlog.processors.format_exc_info,)),
            # Not rich's own traceback: it shows the values of variables, and with them secrets.
            structlog.dev.ConsoleRenderer(
                timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
            )
            if terminal
            else structlog.processors.JSONRenderer(),
        ],
    )

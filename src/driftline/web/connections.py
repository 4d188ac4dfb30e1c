"""Connections that end: a client that is slow, or only holds its place, takes it from the others for seconds."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Bounded(H11Protocol):
    """A connection has ``LIFE_S`` seconds, however it spends them; an answer that is under way then has as many again."""

    LIFE_S = 20.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The clock starts with the connection, not with its first request."""
        super().connection_made(transport)
        self._end = self.loop.call_later(self.LIFE_S, self._over)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to end."""
        self._end.cancel()
        super().connection_lost(exc)

    def _over(self) -> None:
        """Closing waits until all is taken that was written, so that it has an end of its own."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.keep_alive = False
        self._end = self.loop.call_later(self.LIFE_S, self.transport.abort)

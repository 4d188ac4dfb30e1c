"""The status page: HTML made on the server of the last view, a section a file; no script, no foreign request."""

from driftline.web.page.document import LIVE_S, POLICY, Asked, render

__all__ = ["LIVE_S", "POLICY", "Asked", "render"]

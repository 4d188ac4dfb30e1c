"""Samples become verdicts, verdicts become episodes, episodes become requests: all pure functions."""

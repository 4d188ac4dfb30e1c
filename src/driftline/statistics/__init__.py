"""Sums to samples: pure functions from aggregates to statistics, with their gates and limits."""

"""The three dashboards, and what they are put together from."""

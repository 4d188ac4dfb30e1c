"""Which pane an event is in, and which windows end when. Knows nothing of what is summed."""

"""Event time: columns become events in effective-time order."""

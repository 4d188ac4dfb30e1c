"""What goes out: the outbox's publisher and dead letters."""

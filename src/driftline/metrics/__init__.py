"""What Prometheus sees: the metrics, declared once, rendered from the last view within a series budget."""

"""driftline: exact, event-time drift monitoring of models in production."""

__version__ = "0.1.0"

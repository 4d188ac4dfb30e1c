"""The HTTP side: metrics, health, status page and API, all read from the last view."""

"""Transitions become events to publish."""

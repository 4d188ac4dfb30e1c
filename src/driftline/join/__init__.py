"""Predictions and labels become signed changes of counts."""

"""Bytes to columns: one batch of records in, usable events as columns and rejects with reasons out."""

from driftline.decode.decoder import Decoder, make_decoder
from driftline.decode.values import canonical

__all__ = ["Decoder", "canonical", "make_decoder"]

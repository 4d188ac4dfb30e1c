"""The C functions of librdkafka's mock cluster, for which confluent-kafka has no names."""

from __future__ import annotations

import ctypes
from enum import IntEnum
from importlib.metadata import files
from pathlib import Path
from typing import Any

from driftline.errors import DriftlineError

PRODUCER = 0
ERROR_BYTES = 512


class Api(IntEnum):
    """Kinds of requests to a broker, by their numbers in Kafka's protocol."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    INIT_PRODUCER_ID = 22


_pointer, _text, _number, _size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
_id, _offset = ctypes.c_int32, ctypes.c_int64
_FUNCTIONS: tuple[tuple[str, Any, list[Any]], ...] = (
    ("conf_new", _pointer, []),
    ("conf_set", _number, [_pointer, _text, _text, _text, _size]),
    ("new", _pointer, [_number, _pointer, _text, _size]),
    ("destroy", None, [_pointer]),
    ("mock_cluster_new", _pointer, [_pointer, _number]),
    ("mock_cluster_destroy", None, [_pointer]),
    ("mock_cluster_bootstraps", _text, [_pointer]),
    ("mock_topic_create", _number, [_pointer, _text, _number, _number]),
    ("mock_topic_delete", _number, [_pointer, _text]),
    ("mock_topic_set_error", None, [_pointer, _text, _number]),
    ("mock_partition_delete_records", _number, [_pointer, _text, _id, _offset]),
    ("mock_partition_set_leader", _number, [_pointer, _text, _id, _id]),
    ("mock_coordinator_set", _number, [_pointer, _text, _text, _id]),
    ("mock_broker_set_down", _number, [_pointer, _id]),
    ("mock_broker_set_up", _number, [_pointer, _id]),
    ("mock_push_request_errors_array", None, [_pointer, ctypes.c_int16, _size, ctypes.POINTER(_number)]),
    ("mock_clear_request_errors", None, [_pointer, ctypes.c_int16]),
)
"""(name after ``rd_kafka_``, result, arguments)"""


def load() -> ctypes.CDLL:
    """The librdkafka that confluent-kafka brought along."""
    library = ctypes.CDLL(str(_library_path()))
    for name, result, arguments in _FUNCTIONS:
        function = getattr(library, f"rd_kafka_{name}")
        function.restype, function.argtypes = result, arguments
    return library


def _library_path() -> Path:
    for file in files("confluent-kafka") or []:
        if file.name.startswith("librdkafka") and (".so" in file.name or file.suffix == ".dylib"):
            return Path(str(file.locate()))
    raise DriftlineError("the embedded broker needs confluent-kafka's own build of librdkafka")

"""A Kafka broker inside the process: librdkafka's mock cluster, for demos and tests.

It keeps the newest 5 MiB or 100 000 batches of a partition, in memory. It has no admin API, no topic ids
and no transactions. confluent-kafka has no names for it, so its C functions are called.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from importlib.metadata import files
from pathlib import Path
from types import TracebackType
from typing import Self

from driftline.errors import DriftlineError

_PRODUCER = 0
_ERROR_BYTES = 512


class EmbeddedBroker:
    """A broker with the topics given (name: partitions); other topics get four partitions when asked for."""

    def __init__(self, topics: Mapping[str, int] | None = None) -> None:
        self._library = _load()
        self._handle = self._make_handle()
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._handle, 1)
        if not self._cluster:
            raise DriftlineError("the embedded broker did not start")
        for name, partitions in (topics or {}).items():
            self.create_topic(name, partitions)

    @property
    def bootstrap_servers(self) -> str:
        """The broker's ``host:port``."""
        return str(self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode())

    def create_topic(self, name: str, partitions: int) -> None:
        """Make a topic that is not there yet."""
        code = self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
        if code:
            raise DriftlineError(f"the embedded broker did not make topic {name} (error {code})")

    def set_down(self, *, down: bool) -> None:
        """Cut all connections and refuse new ones; or take them again. The records stay."""
        name = f"rd_kafka_mock_broker_set_{'down' if down else 'up'}"
        getattr(self._library, name)(self._cluster, 1)

    def close(self) -> None:
        """End it; what it held is gone."""
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._handle)
            self._cluster = self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make_handle(self) -> int | None:
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        conf = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(conf, b"log_level", b"0", error, _ERROR_BYTES)
        handle: int | None = self._library.rd_kafka_new(_PRODUCER, conf, error, _ERROR_BYTES)
        if not handle:
            raise DriftlineError(f"the embedded broker did not start: {error.value.decode()}")
        return handle


def _load() -> ctypes.CDLL:
    """The librdkafka that confluent-kafka brought along."""
    library = ctypes.CDLL(str(_library_path()))
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, arguments in (
        ("rd_kafka_conf_new", pointer, []),
        ("rd_kafka_conf_set", number, [pointer, text, text, text, ctypes.c_size_t]),
        ("rd_kafka_new", pointer, [number, pointer, text, ctypes.c_size_t]),
        ("rd_kafka_destroy", None, [pointer]),
        ("rd_kafka_mock_cluster_new", pointer, [pointer, number]),
        ("rd_kafka_mock_cluster_destroy", None, [pointer]),
        ("rd_kafka_mock_cluster_bootstraps", text, [pointer]),
        ("rd_kafka_mock_topic_create", number, [pointer, text, number, number]),
        ("rd_kafka_mock_broker_set_down", number, [pointer, ctypes.c_int32]),
        ("rd_kafka_mock_broker_set_up", number, [pointer, ctypes.c_int32]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _library_path() -> Path:
    for file in files("confluent-kafka") or []:
        if file.name.startswith("librdkafka") and (".so" in file.name or file.suffix == ".dylib"):
            return Path(str(file.locate()))
    raise DriftlineError("the embedded broker needs confluent-kafka's own build of librdkafka")

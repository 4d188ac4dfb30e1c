"""A Kafka broker inside the process: librdkafka's mock cluster, for demos and tests.

It keeps the newest 5 MiB or 100 000 batches of a partition, in memory. It has no admin API, no topic ids
and no transactions. Tests let it fail: brokers go down, leaders move, requests are answered with errors.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from driftline.errors import DriftlineError
from driftline.sources.mock_cluster import ERROR_BYTES, PRODUCER, Api, load


class EmbeddedBroker:
    """A broker with the topics given (name: partitions); other topics get four partitions when asked for.

    ``brokers`` of them share the topics; they are numbered from 1.
    """

    def __init__(self, topics: Mapping[str, int] | None = None, brokers: int = 1) -> None:
        self._library = load()
        self._brokers = brokers
        self._handle = self._make_handle()
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._handle, brokers)
        if not self._cluster:
            raise DriftlineError("the embedded broker did not start")
        for name, partitions in (topics or {}).items():
            self.create_topic(name, partitions)

    @property
    def bootstrap_servers(self) -> str:
        """The broker's ``host:port``; of several, with commas between."""
        return str(self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode())

    def create_topic(self, name: str, partitions: int) -> None:
        """Make a topic that is not there yet."""
        self._do("topic_create", name.encode(), partitions, 1)

    def close(self) -> None:
        """End it; what it held is gone."""
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._handle)
            self._cluster = self._handle = None

    # -- what goes wrong -----------------------------------------------------------------------------

    def set_down(self, *, down: bool, broker: int | None = None) -> None:
        """Cut all connections and refuse new ones; or take them again. The records stay. None: of all."""
        for number in range(1, self._brokers + 1) if broker is None else [broker]:
            self._do("broker_set_down" if down else "broker_set_up", number)

    def set_leader(self, topic: str, partition: int, broker: int) -> None:
        """Move a partition to another broker; -1: to none."""
        self._do("partition_set_leader", topic.encode(), partition, broker)

    def set_coordinator(self, group: str, broker: int) -> None:
        """Let a broker coordinate a consumer group."""
        self._do("coordinator_set", b"group", group.encode(), broker)

    def delete_topic(self, name: str) -> None:
        """Delete a topic and its records."""
        self._do("topic_delete", name.encode())

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Delete what is below an offset, as retention does."""
        self._do("partition_delete_records", topic.encode(), partition, before)

    def fail(self, api: Api, *codes: int) -> None:
        """Answer the next requests of a kind with these error codes, one each."""
        errors = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, api, len(codes), errors)

    def heal(self, api: Api) -> None:
        """Forget the errors not answered yet."""
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, api)

    def refuse_topic(self, name: str, code: int) -> None:
        """Answer every question about a topic with an error code; 0: no more."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, name.encode(), code)

    # -- inside --------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _do(self, what: str, *arguments: Any) -> None:
        code = getattr(self._library, f"rd_kafka_mock_{what}")(self._cluster, *arguments)
        if code:
            raise DriftlineError(f"the embedded broker refuses {what} {arguments} (error {code})")

    def _make_handle(self) -> int | None:
        error = ctypes.create_string_buffer(ERROR_BYTES)
        conf = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(conf, b"log_level", b"0", error, ERROR_BYTES)
        handle: int | None = self._library.rd_kafka_new(PRODUCER, conf, error, ERROR_BYTES)
        if not handle:
            raise DriftlineError(f"the embedded broker did not start: {error.value.decode()}")
        return handle

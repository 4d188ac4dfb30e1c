"""What the cluster looks like, learned by a thread of its own: partitions, watermarks, topic ids.

Look-ups block, so they happen beside the reading; the source takes the newest picture when it likes.
It asks for the whole cluster's topics, since asking for one by name may create it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from driftline.records import TopicPartition as Key
from driftline.sources import properties as props
from driftline.sources.picture import Picture

LOOK_UP_S = 5.0
"""How long one question to the broker may take."""
FRESH_S = 10.0
"""No partition is known to be read to its end by an older look: a process that stood still knows nothing."""
IDS_S = 1.0
"""The same for topic ids: a broker that has none (the embedded one) lets every such question time out."""
IDS_RARELY = 30
"""Where no id was ever learned, only each so many-th look asks again."""

Positions = Mapping[Key, int]


class Discovery:
    """Looks every ``interval_s``. ``positions`` is called from its thread and must return a copy."""

    def __init__(
        self, settings: Mapping[str, Any], topics: Iterable[str], positions: Callable[[], Positions],
        interval_s: float, ids_s: float = IDS_S,
    ) -> None:  # fmt: skip
        calls: dict[str, Any] = {"error_cb": self._note}
        self._consumer = Consumer({**settings, **calls, "isolation.level": "read_uncommitted"})
        self._admin = AdminClient({**props.admin(settings), **calls})
        self._topics = frozenset(topics)
        self._positions = positions
        self._interval_s = interval_s
        self._ids_s = ids_s
        self._ids_known = False
        self._ids_asked = False
        self._number = 0
        self._picture: Picture | None = None
        self._first = threading.Event()
        self._now = threading.Event()
        self.group: Mapping[Key, tuple[int, str]] | None = None
        """(offset, metadata) of the consumer group at the first look; empty where it could not be asked."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="driftline-discovery", daemon=True)
        self.up = False
        self.refused: str | None = None
        self._thread.start()

    @property
    def picture(self) -> Picture | None:
        """The newest picture; None: the cluster was not reached yet."""
        return self._picture

    @property
    def fresh(self) -> bool:
        """Whether the newest picture tells what is there now."""
        return self._picture is not None and time.monotonic() - self._picture.begun_s < FRESH_S

    def wait(self, timeout_s: float) -> None:
        """Wait for the first picture, or for the news that there is none."""
        self._first.wait(timeout_s)

    def ask(self) -> None:
        """Look again soon."""
        self._now.set()

    def start_offsets(self, keys: Iterable[Key], at_ms: int) -> dict[Key, int]:
        """The first offset at or after an instant; -1 where there is none."""
        wanted = [TopicPartition(topic, partition, at_ms) for topic, partition in keys]
        found = self._consumer.offsets_for_times(wanted, timeout=LOOK_UP_S) if wanted else []
        return {(tp.topic, tp.partition): max(-1, tp.offset) for tp in found if tp.error is None}

    def ids_now(self, topics: Iterable[str]) -> dict[str, str]:
        """The topics' ids of this moment: one question, for a bounded time. Nothing where no id was ever learned."""
        wanted = sorted(topics)
        if not wanted or not self._ids_known or not self.up:
            return {}
        return self._described(wanted)

    def close(self) -> None:
        """Stop the thread, then the consumer."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._now.set()
        self._thread.join(2 * LOOK_UP_S)
        if not self._thread.is_alive():
            self._consumer.close()

    def _note(self, error: KafkaError) -> None:
        self.refused = self.refused or refusal(error)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._picture = self._look()
                self.up = True
            except KafkaException as error:
                self.up = False
                self._note(error.args[0])
            self._first.set()
            if self._picture is not None and self.group is None:
                self.group = self._ask_group(list(self._picture.watermarks))
            self._now.wait(self._interval_s)
            self._now.clear()

    def _look(self) -> Picture:
        begun_s, asked_at = time.monotonic(), self._positions()
        found = self._consumer.list_topics(timeout=LOOK_UP_S).topics
        known = {t: found[t] for t in self._topics if t in found and found[t].error is None}
        keys = [(t, p) for t, topic in known.items() for p in topic.partitions]
        marks = {key: pair for key in keys if (pair := self._watermarks(key)) is not None}
        self._number += 1
        ids = self._ids(sorted(known))
        return Picture(self._number, marks, frozenset(known), frozenset(keys), ids, asked_at, begun_s)

    def _ask_group(self, keys: list[Key]) -> dict[Key, tuple[int, str]]:
        """After the first picture, so that nobody waits for a coordinator that is down."""
        try:
            found = self._consumer.committed([TopicPartition(*key) for key in keys], timeout=LOOK_UP_S)
        except KafkaException as error:
            self._note(error.args[0])
            return {}
        return {(tp.topic, tp.partition): (tp.offset, tp.metadata or "") for tp in found if tp.error is None}

    def _watermarks(self, key: Key) -> tuple[int, int] | None:
        if self._stop.is_set():
            return None
        try:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(*key), timeout=LOOK_UP_S)
        except KafkaException as error:
            self._note(error.args[0])
            return None
        return int(low), int(high)

    def _ids(self, topics: list[str]) -> dict[str, str]:
        rarely = self._ids_asked and not self._ids_known and self._number % IDS_RARELY
        if not topics or rarely or self._stop.is_set():
            return {}
        found = self._described(topics)
        self._ids_asked, self._ids_known = True, self._ids_known or bool(found)
        return found

    def _described(self, topics: list[str]) -> dict[str, str]:
        asked = self._admin.describe_topics(TopicCollection(topics), request_timeout=self._ids_s)
        named = ((topic, _topic_id(future, 2 * self._ids_s)) for topic, future in asked.items())
        return {topic: name for topic, name in named if name}


def refusal(error: KafkaError) -> str | None:
    """Why the broker refuses for good, in one line; None: the error may pass."""
    return str(error.str()) if error.code() in _REFUSALS else None


_REFUSALS = frozenset({
    KafkaError._AUTHENTICATION,  # noqa: SLF001 - librdkafka's own codes are public under this name
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TOPIC_EXCEPTION,
    KafkaError.UNSUPPORTED_SASL_MECHANISM,
})  # fmt: skip


def _topic_id(future: Future[Any], timeout_s: float) -> str | None:
    try:
        return str(future.result(timeout_s).topic_id)
    except (KafkaException, TimeoutError, ValueError):
        return None

"""The partitions of a stream as small codes, so that rows carry a number instead of a topic's name."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from driftline.records import Codes32, TopicPartition

NOWHERE = -1
"""Code of a row that stands in no partition."""


class Places:
    """Codes in order of first appearance; append-only, so that what is stored keeps its meaning."""

    def __init__(self, known: Iterable[TopicPartition] = ()) -> None:
        self.keys: list[TopicPartition] = list(known)
        self._code = {key: code for code, key in enumerate(self.keys)}

    def codes(self, keys: Iterable[TopicPartition]) -> Codes32:
        """Code of each partition; unknown ones are added."""
        return np.array([self._of(key) for key in keys], np.int32)

    def _of(self, key: TopicPartition) -> int:
        code = self._code.setdefault(key, len(self.keys))
        if code == len(self.keys):
            self.keys.append(key)
        return code

    def ranks(self) -> Codes32:
        """Rank of each code in the order (topic, partition), which does not depend on who came first."""
        ranks = np.empty(len(self.keys), np.int32)
        ranks[sorted(range(len(self.keys)), key=self.keys.__getitem__)] = np.arange(len(self.keys))
        return ranks

"""The errors of driftline, split by who must act.

::

    DriftlineError
    ├── UsageError            the user: a command line that cannot be done       exit 2
    │   └── ConfigError       the user: a configuration with problems, all at once
    ├── DataError             the user: a data file or reference that cannot be read   exit 2
    ├── StateError            the operator: the state file cannot be used        exit 3
    │   └── StateLocked       another process holds it
    ├── DataLoss              Kafka no longer has what is asked for              exit 4
    └── SourceRefused         Kafka refuses for good (authentication, topic)     exit 5

Bad *events* are no errors: they are returned as rejects with a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class DriftlineError(Exception):
    """Base of all errors that a user is meant to read; ``exit_code`` is the process's."""

    exit_code = 1


class UsageError(DriftlineError):
    """The command cannot be done as it was given."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration: where, what was found, what would be right."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(UsageError):
    """A configuration with one or more problems."""

    def __init__(self, problems: Sequence[Problem], source: str = "") -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__("\n".join(map(str, self.problems)))


class DataError(DriftlineError):
    """A file of data or a reference that cannot be read or used."""

    exit_code = 2


class StateError(DriftlineError):
    """The state file is unusable: damaged, newer than this program, or not writable."""

    exit_code = 3


class StateLocked(StateError):
    """Another process holds the state file."""


class DataLoss(DriftlineError):
    """Kafka no longer holds records that were not read yet (``on_data_loss: exit``)."""

    exit_code = 4


class SourceRefused(DriftlineError):
    """Kafka refuses for good: authentication, authorisation or an invalid topic."""

    exit_code = 5

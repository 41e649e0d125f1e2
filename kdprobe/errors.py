"""The whole error tree: what a person did wrong, told in one message.

Does: give every mistake of a user the same four parts (where, what was found, what was expected,
what to do). Does not: cover faults of kdprobe itself; those stay ordinary exceptions.
"""

from __future__ import annotations

from collections.abc import Callable


class KdprobeError(Exception):
    """Base of every error that kdprobe raises on purpose."""


class UsageError(KdprobeError):
    """Input or a file that cannot be used; the command line prints it and exits with 2.

    Args:
        where: the file and line, the option or the model that is at fault.
        found: what stands there.
        expected: what should stand there; may be empty.
        remedy: what the reader can do about it; may be empty.

    >>> print(UsageError("dev.tsv:17", found="3 columns", expected="4", remedy="save it again"))
    dev.tsv:17: 3 columns, expected 4; save it again
    """

    def __init__(self, where: str, *, found: str, expected: str = "", remedy: str = "") -> None:
        self.where, self.found, self.expected, self.remedy = where, found, expected, remedy
        message = f"{where}: {found}"
        if expected:
            message += f", expected {expected}"
        if remedy:
            message += f"; {remedy}"
        super().__init__(message)

    def inside(self, where: str) -> UsageError:
        """Return the error that says which part of which file holds it, too.

        >>> print(UsageError("`seed`", found="is -1").inside("suite.toml: 'one'"))
        suite.toml: 'one': `seed`: is -1
        """
        return type(self)(
            f"{where}: {self.where}", found=self.found, expected=self.expected, remedy=self.remedy
        )

    def __reduce__(self) -> tuple[Callable[..., UsageError], tuple[object, ...]]:
        """Return how it is made again in another process."""
        return _made_again, (type(self), self.where, self.found, self.expected, self.remedy)


def _made_again(
    kind: type[UsageError], where: str, found: str, expected: str, remedy: str
) -> UsageError:
    return kind(where, found=found, expected=expected, remedy=remedy)


class ConfigError(UsageError):
    """A task, recipe, probing or suite file, or an option, that cannot be understood."""


class TaskError(UsageError):
    """A task whose data are missing, empty or malformed."""


class DataNotFoundError(TaskError):
    """A task whose data are nowhere; every place that was looked at is named."""


class CheckpointError(UsageError):
    """A model folder or predictions file that cannot be opened safely."""


class CapabilityError(UsageError):
    """A model that cannot give what was asked of it."""


class MisalignedError(UsageError):
    """Two sides that do not speak about the same examples or the same labels."""


class UnknownNameError(UsageError):
    """A name that nothing goes by; the message lists its neighbours."""


class ResultsFormatError(UsageError):
    """A results document that this version cannot read."""


class OutputError(UsageError):
    """A place that cannot be written: not empty, not a folder, no space left."""


class MissingExtraError(UsageError):
    """An optional package that is not installed."""


class TrainingError(UsageError):
    """A training run that cannot go on (the loss is not finite, the checkpoint is not its own)."""


class WorkerError(UsageError):
    """A process that shared the work and ended before it was done."""


class ChangedPlanError(TrainingError):
    """A run that was begun with other options than it should go on with."""

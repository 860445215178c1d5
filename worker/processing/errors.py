"""Everything that can go wrong with a job, and what follows from it.

ProcessingError
├── Rejected        this upload can never have an output: recorded, the job succeeds
│   └── GaveUp      as far as MaxAttempts tell: it can be started again by hand
├── Failed          could be different next time: raised, so that the engine tries again
│   ├── StoreError  S3 refused or did not respond
│   └── Conflict    the upload or its result changed while the job looked: start over
├── Exhausted       memory or disk did not suffice: rejected, or tried where there is more
├── OutOfTime       it took longer than it may: rejected
├── NotStarted      the engine did not take a job this time
│   └── NoCapacity  there is no room for another task
├── BadEvent        not an event that announces uploads
└── BadSetting      a setting is missing or wrong
    └── WrongProcessor  no upload can be processed with it

Stopped             the engine asks the job to end: no Exception, for a processor may catch those
"""

from __future__ import annotations


class ProcessingError(Exception):
    """Base of all errors that the package raises on purpose."""


class Rejected(ProcessingError):
    """The upload can never have an output. The text is the reason its owner reads."""


class GaveUp(Rejected):
    """The job failed at each attempt, and why may not be the upload's fault."""


class Failed(ProcessingError):
    """The job could not be done this time."""


class StoreError(Failed):
    """S3 refused an operation or gave no response."""

    def __init__(
        self, operation: str, bucket: str, key: str, problem: str, *, denied: bool = False
    ) -> None:
        super().__init__(f"s3:{operation} on {bucket}/{key}: {problem}")
        self.denied = denied
        """Whether the role may not do it, or not use the object's key of KMS."""


class Conflict(Failed):
    """The object is not, or no longer, what the job saw: its precondition does not hold."""

    def __init__(self, operation: str, bucket: str, key: str) -> None:
        super().__init__(f"s3:{operation} on {bucket}/{key}: it changed meanwhile")


class Exhausted(ProcessingError):
    """The function or task does not have enough of it for this job: `memory` or `disk`."""

    def __init__(self, resource: str) -> None:
        super().__init__(f"out of {resource}")
        self.resource = resource


class OutOfTime(ProcessingError):
    """The job took longer than one may."""


class NotStarted(ProcessingError):
    """The engine did not take the job this time: why. Whoever asked for it asks again."""


class NoCapacity(NotStarted):
    """There is no room for another task."""


class Stopped(BaseException):
    """The engine asks the job to end, or is about to end it. Raised wherever the job just is.

    Not an Exception: decoders and processors catch those, and would take it for a bad input.
    """


class BadEvent(ProcessingError):
    """The event has none of the shapes that announce uploads."""


class BadSetting(ProcessingError):
    """A setting is missing or has a value that cannot be used."""

    def __init__(self, name: str, value: str | None, wanted: str) -> None:
        got = "is not set" if value is None else f"is {value!r}"
        super().__init__(f"{name} {got}; it must be {wanted}")


class WrongProcessor(BadSetting):
    """Processor or Command names something that can't process any upload: what, and why."""

    def __init__(self, problem: str) -> None:
        Exception.__init__(self, problem)

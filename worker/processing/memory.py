"""Memory that runs out as an error, not as the end of the process.

A job that takes more memory than its function or task has is killed. That looks like any other
crash, so it would be tried again and again, to the same end. With a limit of its own, a little
below, it gets an error instead, and can say what was wrong.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def limited(mib: int | None) -> Iterator[None]:
    """Raise MemoryError when the process would take nearly so many MiB; None: no limit.

    An eighth is left for what the limit doesn't count: code, and what runs beside the process.
    """
    if mib is None:
        yield
        return
    import resource  # not on every system that can run the job on local files

    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (mib * 2**20 * 7 // 8, most))
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOMEM:  # mmap's own way to say it
            raise MemoryError from error
        raise
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))

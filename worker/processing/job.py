"""One job: make the result agree with the current upload.

The order of the calls gives an exactly-once effect with S3 alone. The result is looked at before
the upload, and written only where it still is what was looked at: so an older upload's output
can't replace a newer one's, whatever the events' order. The last look catches an upload that
changed while its output was being written, and a rejection that another job wrote meanwhile.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from . import command, folder, metadata, publish, text
from .errors import Conflict, Exhausted, Failed, GaveUp, OutOfTime, Rejected
from .events import Upload
from .objects import LONGEST_KEY, Object, cut, fits
from .output import Made, Output, Source
from .reports import Report, logged
from .settings import Settings
from .store import Store

_MOST_ROUNDS = 10
"""An upload that is overwritten this often while its job looks is left to the next event."""


class Snapshot(NamedTuple):
    """What was there when the job looked: the results first, the upload after them."""

    output: Object | None
    rejection: Object | None
    upload: Object


class Ending(NamedTuple):
    """What a look at an upload and its results led to."""

    outcome: str
    reason: str | None
    pixels: int | None = None
    seconds_since_upload: float | None = None
    stale: Object | None = None
    """The result of the other kind, which must go."""
    rival_key: str | None = None
    """Where a job of the same version may have written a result of the other kind meanwhile; None
    when this job wrote none."""
    replaced: Object | None = None
    """An output that is gone by this job; it may have been a manifest, whose files must go."""
    has_output: bool = False


def _nothing() -> None:
    pass


class _Work(NamedTuple):
    """What a job does beside its calls; the first and the last of it while S3 responds."""

    make: Callable[[Object], Made]
    """Gives an upload its output."""
    get_ready: Callable[[], None] = _nothing
    clean_up: Callable[[], None] = _nothing


def run(
    upload: Upload,
    store: Store,
    settings: Settings,
    log: Callable[[str], None] = print,
    *,
    notes: Store | None = None,
    reprocess: str | None = None,
) -> Report:
    """Do one job and log its report. Raises what went wrong when the outcome is `failed`.

    `notes` is the bucket that keeps the report of one that failed, where it is not the uploads'.
    `reprocess` is the JobVersion for which the job was asked for: a worker of that version takes no
    other one's result for a current one.
    """
    again = reprocess if reprocess == settings.job_version else None
    with folder.made(settings.disk) as place:
        work = _Work(
            make=functools.partial(_process, store=store, settings=settings, place=place),
            get_ready=place.empty,
            clean_up=functools.partial(folder.remove, place.path),
        )
        return _settle(upload, store, settings, work, log, notes=notes or store, again=again)


def reject(
    upload: Upload,
    version: str,
    reason: str,
    store: Store,
    settings: Settings,
    log: Callable[[str], None] = print,
) -> Report:
    """Give up this version of an upload, without a look into it: by the same calls as a job.

    Raises Failed when the upload has another version by now.
    """

    def give_up(seen: Object) -> Made:
        if seen.version != version:
            raise Failed("it was uploaded again")
        raise GaveUp(reason)

    return _settle(upload, store, settings, _Work(give_up), log)


def _settle(
    upload: Upload,
    store: Store,
    settings: Settings,
    work: _Work,
    log: Callable[[str], None],
    *,
    notes: Store | None = None,
    again: str | None = None,
) -> Report:
    """Look and act until the result is the current upload's."""
    report = Report("failed", *upload, mode=settings.mode, job_version=settings.job_version)
    with logged(report, log, notes):
        for _ in range(_MOST_ROUNDS):
            try:
                seen = _look(upload, store, settings, work)
                if seen is None:
                    check_bucket(upload, store)
                    report.outcome, report.reason = "unchanged", "the upload is no longer there"
                    return report
                report.version, report.bytes = seen.upload.version, seen.upload.size
                ending = _give_result(upload, seen, store, settings, work, again)
                report.outcome, report.reason = ending.outcome, ending.reason
                report.pixels = ending.pixels
                report.seconds_since_upload = ending.seconds_since_upload
                if ending.stale:
                    store.delete(ending.stale)
                if _is_settled(seen.upload, ending, store, work):
                    publish.remove_replaced(store, settings, ending.replaced)
                    if ending.has_output and settings.after_success == "delete":
                        store.delete(seen.upload)
                    return report
            except Conflict as conflict:
                report.reason = str(conflict)
        raise Failed(f"gave way {_MOST_ROUNDS} times to other changes; the last: {report.reason}")


def check_bucket(upload: Upload, store: Store) -> None:
    """Raise StoreError when the bucket itself is no longer there: HEAD does not say."""
    for _ in store.listing(upload.key):
        break


def _look(upload: Upload, store: Store, settings: Settings, work: _Work) -> Snapshot | None:
    """What is there; None without the upload."""
    results = store.heads(result_keys(upload.key, settings))
    work.get_ready()
    output, rejection = results
    current = store.look(upload.key)
    return Snapshot(output, rejection, current) if current else None


def _give_result(
    upload: Upload,
    seen: Snapshot,
    store: Store,
    settings: Settings,
    work: _Work,
    again: str | None,
) -> Ending:
    """Write the result of the current upload, unless there is one."""
    if _is_for(seen.upload, seen.output, again):
        reason = "the output is current"
        return Ending("unchanged", reason, stale=seen.rejection, has_output=True)
    if _is_for(seen.upload, seen.rejection, again):
        reason = "the rejection is current"
        return Ending("unchanged", reason, stale=seen.output, replaced=seen.output)
    output_key, rejection_key = result_keys(upload.key, settings)
    said = metadata.of_result(seen.upload.version, settings.job_version)
    try:
        _check(seen.upload, output_key)
        made = work.make(seen.upload)
        begun = publish.new_run(store, settings, output_key, made)
    except Rejected as rejected:
        gave_up = isinstance(rejected, GaveUp)
        record = _record(upload, seen.upload, rejected, gave_up)
        said |= {metadata.GAVE_UP: "yes"} if gave_up else {}
        store.put(rejection_key, record.body, record.content_type, said, seen.rejection)
        reason, waited = text.reason(str(rejected)), _seconds_since(seen.upload)
        return Ending("rejected", reason, None, waited, seen.output, output_key, seen.output)
    publish.put(store, output_key, seen.upload, begun, made, said, seen.output)
    waited, stale = _seconds_since(seen.upload), seen.rejection
    return Ending("succeeded", None, made.pixels, waited, stale, rejection_key, seen.output, True)


def _is_settled(current: Object, ending: Ending, store: Store, work: _Work) -> bool:
    """Whether the upload still has one result, and its own.

    A job of the same version may have come to the other end: each looks after it wrote, so at
    least one of them sees both results, and the output is the one that stays.
    """
    rival_keys = [ending.rival_key] if ending.rival_key else []
    looks = store.heads([*rival_keys, current.key])
    work.clean_up()
    *rivals, now = looks
    return not any(rivals) and (now is None or now.version == current.version)


def _seconds_since(upload: Object) -> float:
    return round(max((datetime.now(UTC) - upload.modified).total_seconds(), 0), 1)


def result_keys(key: str, settings: Settings) -> tuple[str, str]:
    """The keys of an upload's output and of its rejection record.

    An upload whose record's key would be too long can be rejected, too: its record has the
    beginning of its name and a hash. Other records end in `.json`, so none has the same key.
    """
    name = key.removeprefix(settings.input_prefix)
    record = f"{settings.rejected_prefix}{name}.json"
    if not fits(record):
        import hashlib  # it loads OpenSSL, which takes some milliseconds

        end = f"~{hashlib.sha256(name.encode()).hexdigest()}"
        record = cut(settings.rejected_prefix + name, LONGEST_KEY - len(end)) + end
    return settings.output_prefix + name + settings.output_suffix, record


def _check(upload: Object, output_key: str) -> None:
    """Reject what can't have an output, whatever is in it."""
    if not fits(output_key):
        raise Rejected(
            f"the output's key would have {len(output_key.encode())} bytes, more than the "
            f"{LONGEST_KEY} that S3 allows: shorten the file's name, or OutputPrefix"
        )
    if upload.barrier:
        raise Rejected(upload.barrier)


def _is_for(upload: Object, result: Object | None, job_version: str | None = None) -> bool:
    """Whether it is the result of this version of the upload, and of that JobVersion, if any."""
    if result is None or result.metadata.get(metadata.SOURCE_VERSION) != upload.version:
        return False
    return job_version is None or result.metadata.get(metadata.JOB_VERSION, "") == job_version


def _process(upload: Object, store: Store, settings: Settings, place: folder.Folder) -> Made:
    """What the processor makes of the upload; its files are in the folder."""
    name = upload.key.removeprefix(settings.input_prefix)
    path = place.source / command.source_name(name)
    try:
        _check_size(upload, settings, place)
        if upload.content is None:
            store.get_file(upload, path)
        else:
            path.write_bytes(upload.content)
        source = Source(
            path,
            upload.key,
            name,
            upload.content_type,
            upload.metadata,
            upload.size,
            upload.version,
        )
        return settings.processor(source, place, settings.max_seconds)
    except Exhausted as error:
        problem, remedy = _exhausted(error.resource, settings)
        if settings.memory_error == "fail":
            raise Failed(problem) from error
        # It would run out the next time, too.
        raise Rejected(f"{problem}: {remedy}") from error
    except OutOfTime as error:  # so it would the next time, too, and a task costs while it runs
        raise Rejected(f"{error}: make it smaller, or raise TaskTimeout") from error


def _check_size(upload: Object, settings: Settings, place: folder.Folder) -> None:
    """Raise Rejected or Exhausted for what is too large, before it is fetched."""
    if upload.size > place.free():
        raise Exhausted("disk")
    if not settings.processor.takes_bytes():
        return
    if upload.size > settings.max_bytes:
        raise Rejected(
            f"the file has {upload.size} bytes, more than the limit of {settings.max_bytes}: "
            "make it smaller, or raise MaxBytes together with the memory"
        )
    # Half of the memory is for what becomes of it.
    if settings.memory_mib and upload.size > settings.memory_mib * 2**20 // 2:
        raise Exhausted("memory")


def _exhausted(resource: str, settings: Settings) -> tuple[str, str]:
    """Problem and remedy."""
    if resource == "disk":
        return (
            "the disk does not suffice to process it",
            "make it smaller, or raise DiskGiB",
        )
    return (
        f"the memory does not suffice to process it ({settings.memory_mib or '?'} MiB)",
        "make it smaller, or raise FunctionMemory or TaskSize",
    )


def _record(upload: Upload, seen: Object, rejected: Rejected, gave_up: bool) -> Output:
    """The rejection record: what its owner needs to find the upload and mend it."""
    record = {
        "reason": text.reason(str(rejected)),
        "gave_up": gave_up,
        "bucket": upload.bucket,
        "key": upload.key,
        "version": seen.version,
        "bytes": seen.size,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return Output(f"{text.to_json(record, indent=2)}\n".encode(), "application/json")

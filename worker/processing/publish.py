"""Write what a job made: one file as the output itself, several and then the manifest.

A reader finds all files of one run or none: they lie where no other run writes, are complete before
the manifest names them, and stay for as long as it does. What no manifest names is left behind by
jobs that were killed or had to give way; the sweep removes it once it is so old that nothing can
name it any more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from . import manifest, metadata
from .errors import Failed
from .manifest import Run
from .objects import Object
from .output import Made
from .settings import Settings
from .store import Store


def new_run(store: Store, settings: Settings, key: str, made: Made) -> Run:
    """Begin one for what was made, whose output has this key. Raises Rejected where it can't be
    written."""
    name = key.removeprefix(settings.output_prefix)
    run = manifest.new_run(settings.files_prefix, name, store.now(), os.urandom(8))
    manifest.check(run, made.files)
    return run


def put(
    store: Store,
    key: str,
    upload: Object,
    run: Run,
    made: Made,
    said: Mapping[str, str],
    replaces: Object | None,
) -> None:
    """Write the output of an upload at its key, in place of the one seen; else raise Conflict.

    It has what is said of it, and the upload's own metadata, as its metadata. At a conflict the
    files that were written stay where they are: the manifest may have been written, too, although
    its reply was lost.
    """
    if len(made.files) == 1:
        store.put_file(key, made.files[0], metadata.with_users(said, upload.metadata), replaces)
        return
    etags = store.add_files(list(manifest.keys(run, made.files)))
    if store.now() - run.began > manifest.LONGEST_RUN:
        raise Failed(f"to write its files took more than {manifest.LONGEST_RUN}")
    body = manifest.body(upload, run, made.files, etags)
    named = metadata.with_users({**said, metadata.RUN: run.id}, upload.metadata)
    store.put(key, body, "application/json", named, replaces)


def remove_replaced(store: Store, settings: Settings, output: Object | None) -> None:
    """Remove the files of a manifest that is gone, unless somebody may still be reading them: those
    of a young one are left to the sweep. Raises StoreError."""
    run = named_by(output, settings)
    if output and run and store.now() - output.modified >= manifest.ORPHANED:
        remove(store, run)


def named_by(output: Object | None, settings: Settings) -> Run | None:
    """The run that an output names; None where it is the output itself, or there is none."""
    if output is None or metadata.RUN not in output.metadata:
        return None
    name = output.key.removeprefix(settings.output_prefix)
    return Run(settings.files_prefix, name, output.metadata[metadata.RUN])


def remove(store: Store, run: Run) -> None:
    """Remove all files of a run. Raises StoreError when some of them could not be."""
    store.delete_all(each.key for each in store.listing(run.folder))

"""What results say of themselves, and of their uploads."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processing import job, metadata
from processing.events import Upload
from processing.settings import Settings

from tests.support.in_process import OnBytes, OnFiles
from tests.support.memory_store import MemoryStore

UPLOAD = Upload("uploads", "input/a")
OURS = {"source-version": "v1", "job-version": "2026-12"}


def split(source, outputs) -> None:
    for name in ("1", "2"):
        (outputs / name).write_text(name)


@pytest.mark.parametrize("job_version", ["", "2026-12"])
@pytest.mark.parametrize("processor", [OnBytes(lambda body, kind: (body, kind)), OnFiles(split)])
def test_an_output_has_its_uploads_metadata(processor, job_version):
    store, theirs = MemoryStore(), {"order": "4711", "mtime": "1700000000.5"}
    seen = store.upload(UPLOAD.key, b"x", metadata=theirs)
    settings = Settings(processor=processor, job_version=job_version)
    job.run(UPLOAD, store, settings, log=lambda line: None)
    found = dict(store.current("output/a")[0].metadata)
    assert found.pop("run", None) is not None or isinstance(processor, OnBytes)
    ours = metadata.of_result(seen.version, job_version)
    assert (ours["source-version"], ours.get("job-version", "")) == (seen.version, job_version)


@given(
    st.dictionaries(
        st.text("abc-_é \n", min_size=1, max_size=30),
        st.text("abc é\n\t", max_size=900) | st.just("x" * 1900),
        max_size=12,
    )
)
def test_what_is_carried_is_what_s3_takes(theirs: Mapping[str, str]):
    found = metadata.with_users(OURS, theirs)
    assert found.items() >= OURS.items()
    assert all(theirs[name] == found[name] for name in found.keys() - OURS.keys())
    assert sum(len(f"x-amz-meta-{name}{value}".encode()) for name, value in found.items()) <= 2048
    assert all(each.isprintable() and each.isascii() for each in "".join(found.values()))
    left = {name for name in theirs.keys() - found.keys() if name.isascii() and name.isalpha()}
    room = 2048 - sum(len(f"x-amz-meta-{n}{v}") for n, v in found.items())
    usable = {n for n in left if theirs[n].isascii() and theirs[n].isprintable()}
    assert all(len(f"x-amz-meta-{n}{theirs[n]}") > room for n in usable)

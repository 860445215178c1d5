"""The merge of three listings, against sets; and what times say of a result."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from merge import Found, Item, ResultStatus, judge, merge

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

# Few characters, those around "." and "j" among them: names that are prefixes of one another.
names = st.sets(st.text("a-./j é😀", min_size=1, max_size=5) | st.just("a.json"), max_size=30)


def listed(names: set[str], suffix: str = "") -> list[Item]:
    return [Item(key, NOW) for key in sorted(name + suffix for name in names)]


@given(uploads=names, outputs=names, rejections=names)
@example(uploads={"a", "a-b"}, outputs=set(), rejections={"a", "a-b"})
@example(uploads={"a", "a.b", "a.json", "a.k"}, outputs={"a"}, rejections={"a.b", "a.json", "a.k"})
def test_each_upload_is_found_with_its_results(uploads, outputs, rejections):
    found = list(merge(listed(uploads), listed(outputs), listed(rejections, ".json")))
    assert [each.name for each in found] == sorted(uploads)
    assert {each.name for each in found if each.succeeded} == uploads & outputs
    for each in found:
        if each.known:
            assert bool(each.rejected) == (each.name in rejections)
        else:
            assert each.rejected is None


@given(uploads=names, outputs=names, rejections=names)
@example(uploads={"a", "a-b", "a.k"}, outputs={"a", "a-b", "a.k"}, rejections=set())
def test_outputs_with_a_suffix_are_found_or_left_open(uploads, outputs, rejections):
    three = listed(uploads), listed(outputs, ".png"), listed(rejections, ".json")
    found = list(merge(*three, suffix=".png"))
    assert [each.name for each in found] == sorted(uploads)
    for each in found:
        if each.known:
            assert bool(each.succeeded) == (each.name in outputs)
            assert bool(each.rejected) == (each.name in rejections)


@given(uploads=names)
def test_only_names_that_go_on_before_json_leave_a_rejection_open(uploads):
    ordered = sorted(uploads)
    for each, following in zip(merge(listed(uploads), [], []), ordered[1:], strict=False):
        goes_on = following.startswith(each.name) and following[len(each.name) :] < ".json"
        assert each.known or goes_on


@given(uploads=names, outputs=names, rejections=names, after=st.text("a-./j", max_size=5))
def test_a_merge_that_begins_later_is_the_rest_of_the_whole(uploads, outputs, rejections, after):
    three = [listed(uploads), listed(outputs), listed(rejections, ".json")]
    rest = merge(*([item for item in items if item.name > after] for items in three))
    assert list(rest) == [each for each in merge(*three) if each.name > after]


def test_a_merge_holds_one_object_of_each_listing():
    read = []

    def items(name: str, suffix: str = ""):
        for number in range(1000):
            read.append(name)
            yield Item(f"{number:04}{suffix}", NOW)

    merged = merge(items("uploads"), items("outputs"), items("rejections", ".json"))
    for _ in range(100):
        next(merged)
    assert {name: read.count(name) for name in read} == {
        "uploads": 101,
        "outputs": 100,
        "rejections": 100,
    }


def found(succeeded=None, rejected=None, in_parts=False, known=True) -> Found:
    return Found("a", NOW, in_parts, succeeded, rejected, known)


@pytest.mark.parametrize(
    ("upload", "examined", "status"),
    [
        (found(), None, ResultStatus.MISSING),
        (found(), NOW + HOUR, ResultStatus.MISSING),
        # Little younger than the upload: of the version before, if its job was under way.
        (found(succeeded=NOW + MINUTE), None, ResultStatus.DOUBTFUL),
        (found(rejected=NOW + MINUTE), None, ResultStatus.DOUBTFUL),
        (found(succeeded=NOW + MINUTE), NOW, ResultStatus.DOUBTFUL),
        (found(succeeded=NOW + MINUTE), NOW + MINUTE, ResultStatus.CURRENT),
        # No job of the version before was under way for so long.
        (found(succeeded=NOW + HOUR), None, ResultStatus.CURRENT),
        (found(rejected=NOW + HOUR), None, ResultStatus.CURRENT),
        (found(succeeded=NOW - MINUTE), None, ResultStatus.DOUBTFUL),
        (found(succeeded=NOW - MINUTE), NOW + HOUR, ResultStatus.DOUBTFUL),
        (found(succeeded=NOW + HOUR, rejected=NOW + HOUR), NOW + HOUR, ResultStatus.DOUBTFUL),
        (found(succeeded=NOW + HOUR, known=False), NOW + HOUR, ResultStatus.DOUBTFUL),
        # In parts: it may have come as late as a week after its time.
        (found(succeeded=NOW + HOUR, in_parts=True), None, ResultStatus.DOUBTFUL),
        (found(succeeded=NOW + HOUR, in_parts=True), NOW + HOUR, ResultStatus.DOUBTFUL),
        (found(succeeded=NOW + HOUR, in_parts=True), NOW + 8 * 24 * HOUR, ResultStatus.CURRENT),
        (found(succeeded=NOW + 8 * 24 * HOUR, in_parts=True), None, ResultStatus.CURRENT),
    ],
)
def test_what_the_times_say(upload, examined, status):
    assert judge(upload, HOUR, examined) is status

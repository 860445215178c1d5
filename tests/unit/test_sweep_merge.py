"""The merge of three listings, against sets; and what times say of a verdict."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from merge import Found, Item, Verdict, judge, merge

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

# Few characters, those around "." and "j" among them: names that are prefixes of one another.
names = st.sets(st.text("a-./j é😀", min_size=1, max_size=5) | st.just("a.json"), max_size=30)


def listed(names: set[str], suffix: str = "") -> list[Item]:
    return [Item(key, NOW) for key in sorted(name + suffix for name in names)]


@given(uploads=names, answers=names, rejections=names)
@example(uploads={"a", "a-b"}, answers=set(), rejections={"a", "a-b"})
@example(uploads={"a", "a.b", "a.json", "a.k"}, answers={"a"}, rejections={"a.b", "a.json", "a.k"})
def test_each_upload_is_found_with_its_verdicts(uploads, answers, rejections):
    found = list(merge(listed(uploads), listed(answers), listed(rejections, ".json")))
    assert [each.name for each in found] == sorted(uploads)
    assert {each.name for each in found if each.answered} == uploads & answers
    for each in found:
        if each.rejection_known:
            assert bool(each.rejected) == (each.name in rejections)
        else:
            assert each.rejected is None


@given(uploads=names)
def test_only_names_that_go_on_before_json_leave_a_rejection_open(uploads):
    ordered = sorted(uploads)
    for each, following in zip(merge(listed(uploads), [], []), ordered[1:], strict=False):
        goes_on = following.startswith(each.name) and following[len(each.name) :] < ".json"
        assert each.rejection_known or goes_on


@given(uploads=names, answers=names, rejections=names, after=st.text("a-./j", max_size=5))
def test_a_merge_that_begins_later_is_the_rest_of_the_whole(uploads, answers, rejections, after):
    three = [listed(uploads), listed(answers), listed(rejections, ".json")]
    rest = merge(*([item for item in items if item.name > after] for items in three))
    assert list(rest) == [each for each in merge(*three) if each.name > after]


def test_a_merge_holds_one_object_of_each_listing():
    read = []

    def items(name: str, suffix: str = ""):
        for number in range(1000):
            read.append(name)
            yield Item(f"{number:04}{suffix}", NOW)

    merged = merge(items("uploads"), items("answers"), items("rejections", ".json"))
    for _ in range(100):
        next(merged)
    assert {name: read.count(name) for name in read} == {
        "uploads": 101,
        "answers": 100,
        "rejections": 100,
    }


def found(answered=None, rejected=None, in_parts=False, known=True) -> Found:
    return Found("a", NOW, in_parts, answered, rejected, known)


@pytest.mark.parametrize(
    ("upload", "examined", "verdict"),
    [
        (found(), None, Verdict.MISSING),
        (found(), NOW + HOUR, Verdict.MISSING),
        # Little younger than the upload: of the version before, if its job was under way.
        (found(answered=NOW + MINUTE), None, Verdict.DOUBTFUL),
        (found(rejected=NOW + MINUTE), None, Verdict.DOUBTFUL),
        (found(answered=NOW + MINUTE), NOW, Verdict.DOUBTFUL),
        (found(answered=NOW + MINUTE), NOW + MINUTE, Verdict.CURRENT),
        # No job of the version before was under way for so long.
        (found(answered=NOW + HOUR), None, Verdict.CURRENT),
        (found(rejected=NOW + HOUR), None, Verdict.CURRENT),
        (found(answered=NOW - MINUTE), None, Verdict.DOUBTFUL),
        (found(answered=NOW - MINUTE), NOW + HOUR, Verdict.DOUBTFUL),
        (found(answered=NOW + HOUR, rejected=NOW + HOUR), NOW + HOUR, Verdict.DOUBTFUL),
        (found(answered=NOW + HOUR, known=False), NOW + HOUR, Verdict.DOUBTFUL),
        # In parts: it may have come as late as a week after its time.
        (found(answered=NOW + HOUR, in_parts=True), None, Verdict.DOUBTFUL),
        (found(answered=NOW + HOUR, in_parts=True), NOW + HOUR, Verdict.DOUBTFUL),
        (found(answered=NOW + HOUR, in_parts=True), NOW + 8 * 24 * HOUR, Verdict.CURRENT),
        (found(answered=NOW + 8 * 24 * HOUR, in_parts=True), None, Verdict.CURRENT),
    ],
)
def test_what_the_times_say(upload, examined, verdict):
    assert judge(upload, HOUR, examined) is verdict

"""BucketName and InputSuffix: which uploads start a job, and what the stack claims of a bucket."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support.cases import in_turn
from tests.template import patterns
from tests.template.synthesis import (
    BRINGS,
    BUCKET,
    CLOUDTRAIL,
    FARGATE,
    HYBRID,
    accepts,
    synthesize,
)

NAME = BRINGS["BucketName"]
MIB = 2**20
RULES = {
    "lambda": ({}, ["SmallUploadRule"]),
    "fargate": (FARGATE, ["UploadRule"]),
    "cloudtrail": (CLOUDTRAIL, ["UploadRule"]),
    "hybrid": (HYBRID, ["SmallUploadRule", "UploadRule"]),
}
OWN_SETS: tuple[dict[str, str], ...] = ({}, BRINGS)


def upload(key: str, bucket: str, size: int) -> list[dict[str, Any]]:
    """An upload as S3 tells it and as CloudTrail does."""
    return [
        {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {"bucket": {"name": bucket}, "object": {"key": key, "size": size}},
        },
        {
            "source": "aws.s3",
            "detail-type": "AWS API Call via CloudTrail",
            "detail": {
                "eventSource": "s3.amazonaws.com",
                "eventName": "PutObject",
                "requestParameters": {"bucketName": bucket, "key": key},
            },
        },
    ]


def started(choice: dict[str, str], key: str, bucket: str = NAME, size: int = 1) -> list[str]:
    """The rules that an upload's events match."""
    stack = synthesize(choice)
    return [
        name
        for name in ("SmallUploadRule", "UploadRule")
        if name in stack.resources
        for event in upload(key, bucket, size)
        if patterns.matches(stack[name]["EventPattern"], event)
    ]


@in_turn("source", RULES)
def test_an_upload_to_the_named_bucket_starts_one_job_and_to_the_stacks_own_none(
    source: str,
) -> None:
    choice, rules = RULES[source]
    small, large = rules[0], rules[-1]
    assert started({**choice, **BRINGS}, "input/a") == [small]
    assert started({**choice, **BRINGS}, "input/a", size=1000 * MIB) == [large]
    assert started({**choice, **BRINGS}, "input/a", BUCKET) == []
    assert started({**choice, **BRINGS}, "output/a") == []


@in_turn("source", [each for each in RULES if each != "lambda"])
@in_turn(
    "key, matches",
    [
        ("input/a.pdf", True),
        ("input/b/c.d/\u4e16 %20+.pdf", True),
        ("input/new\nline.pdf", True),
        ("input/a.pdf.pdf", True),
        ("input/.pdf", True),
        ("input/*.pdf", True),
        ("input/a.PDF", False),
        ("input/a.pdf.png", False),
        ("input/apdf", False),
        ("input/a.pdf/b", False),
        ("input/", False),
        ("output/a.pdf", False),
        ("inputs/a.pdf", False),
    ],
)
def test_only_keys_with_the_suffix_start_a_job(source: str, key: str, matches: bool) -> None:
    choice, rules = RULES[source]
    for size in (1, 1000 * MIB):
        for own in OWN_SETS:
            chosen = {**choice, **own, "InputSuffix": ".pdf"}
            found = started(chosen, key, NAME if own else BUCKET, size)
            assert found == ([rules[0] if size == 1 else rules[-1]] if matches else [])


def test_a_rule_with_the_suffix_invokes_the_function() -> None:
    chosen = {**BRINGS, "InputSuffix": ".pdf"}
    assert started(chosen, "input/a.pdf") == ["SmallUploadRule"]
    assert started(chosen, "input/a.png") == []


def test_the_rule_that_invokes_the_function_comes_after_its_permission() -> None:
    """A bucket that exists may send events already, and what may not be invoked is not retried."""
    for choice in (BRINGS, {**HYBRID, **BRINGS}):
        assert "SmallUploadPermission" in synthesize(choice).dependencies["SmallUploadRule"]


@in_turn(
    "choice, events",
    [
        ({}, "yes"),
        (FARGATE, "yes"),
        (HYBRID, "yes"),
        (CLOUDTRAIL, "no"),
        ({**CLOUDTRAIL, "BucketEvents": "true"}, "yes"),
    ],
)
def test_the_buckets_events_are_turned_on_where_somebody_wants_them(
    choice: dict[str, str], events: str
) -> None:
    stack = synthesize({**choice, **BRINGS})
    named = stack["NamedBucket"]
    assert (named["Bucket"], named["Events"]) == (NAME, events)
    assert named["ServiceTimeout"] > stack["ResourcesFunction"]["Timeout"]
    actions = json.dumps(stack["ResourcesFunctionRole"]["Policies"])
    assert ("s3:PutBucketNotification" in actions) == (events == "yes")


def test_the_trail_records_the_named_bucket() -> None:
    (selector,) = synthesize({**CLOUDTRAIL, **BRINGS})["Trail"]["EventSelectors"]
    assert selector["DataResources"][0]["Values"] == [f"arn:aws-test:s3:::{NAME}/input/"]


def test_people_are_told_the_named_bucket() -> None:
    stack = synthesize(BRINGS)
    assert stack.outputs["BucketName"]["Value"] == NAME
    assert stack.outputs["BucketVersioning"]["Value"] == "<NamedBucket.Versioning>"
    for command in ("UploadCommand", "OutputsCommand"):
        assert f"s3://{NAME}/" in stack.outputs[command]["Value"]
    assert f'"BucketName", "{NAME}"' in stack["Dashboard"]["DashboardBody"]


@in_turn("choice", [each for each, _ in RULES.values()])
def test_notes_are_in_the_stacks_own_bucket_and_uploads_in_the_named_one(
    choice: dict[str, str],
) -> None:
    stack = synthesize({**choice, **BRINGS}, MaxTasks="5" if choice else "0")
    told = {
        name: each["Environment"]["Variables"]
        for name, each in stack.of_type("AWS::Lambda::Function").items()
        if name != "ResourcesFunction"
    }
    for definition in stack.of_type("AWS::ECS::TaskDefinition").values():
        (container,) = definition["ContainerDefinitions"]
        told["task"] = {each["Name"]: each["Value"] for each in container["Environment"]}
    for variables in told.values():
        assert variables["NOTES_BUCKET"] in (BUCKET, "<DataBucket>")
        assert variables["INPUT_SUFFIX"] == ""
    assert told["SweepFunction"]["BUCKET"] == NAME


def claims(**parameters: str) -> list[str]:
    """Names that no other stack of the account and region may export."""
    outputs = synthesize(parameters).outputs.values()
    return [each["Export"]["Name"] for each in outputs if "Export" in each]


HARD = ["a", "a.b", "a_b", "a-b", "a:b", "ad", "au", "a.d", "a.u", "a._", "a_.", "a..", "A.B"]


def test_a_stack_claims_its_prefixes_of_results_and_no_two_claims_are_alike() -> None:
    names = {
        (bucket, folder): claims(BucketName=bucket, OutputPrefix=f"{folder}/")[0]
        for bucket in ("abc", "abc.d", "abcd", "abc-d")
        for folder in HARD
        if accepts("OutputPrefix", f"{folder}/")
    }
    assert len({*names.values()}) == len(names) > 40
    for name in names.values():
        assert re.fullmatch(r"[A-Za-z0-9:-]{1,255}", name), "as CloudFormation has it"


def test_prefixes_of_all_kinds_of_results_are_one_name_space() -> None:
    first = claims(**BRINGS, OutputPrefix="a/", FilesPrefix="b/", RejectedPrefix="c/")
    second = claims(**BRINGS, OutputPrefix="b/", FilesPrefix="c/", RejectedPrefix="a/")
    assert sorted(first) == sorted(second)
    assert len({*first}) == 3


def test_what_is_read_is_not_claimed_so_that_stacks_can_be_chained() -> None:
    output = claims(**BRINGS, OutputPrefix="middle/")
    following = claims(
        **BRINGS, InputPrefix="middle/", OutputPrefix="end/", FilesPrefix="f/", RejectedPrefix="r/"
    )
    assert not {*output} & {*following}


def test_a_stack_without_a_named_bucket_claims_nothing() -> None:
    """Its own bucket has its GUID in its name."""
    assert claims() == []


@in_turn(
    "name, accepted",
    [
        ("", True),
        ("abc", True),
        ("my.bucket-1", True),
        ("a" * 63, True),
        ("ab", False),
        ("a" * 64, False),
        ("Upper", False),
        ("under_score", False),
        ("-a-b", False),
        ("a-b-", False),
        ("arn:aws:s3:::a", False),
        ("s3://abc", False),
        ("abc/input", False),
    ],
)
def test_a_buckets_name_is_one(name: str, accepted: bool) -> None:
    assert accepts("BucketName", name) == accepted


@in_turn("suffix", ["pdf", "*.pdf", ".p*", ".pdf/", ".", ". pdf", ".p\\df", '.p"df', "." * 3])
def test_a_suffix_means_nothing_to_patterns(suffix: str) -> None:
    assert not accepts("InputSuffix", suffix)

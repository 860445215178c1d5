"""The rules: which events start a task, with what, and which report a failure."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.model
import botocore.validate
import pytest

from tests.support.cases import in_turn
from tests.template import patterns
from tests.template.patterns import transform
from tests.template.synthesis import BUCKET, CLOUDTRAIL, FARGATE, ROOT, SOURCE, synthesize
from tooling.paths import BUILD

ACCOUNT = "arn:aws-test:ecs:xx-test-9:111122223333"
PATHS = {
    "s3": ("detail.bucket.name", "detail.object.key"),
    "cloudtrail": ("detail.requestParameters.bucketName", "detail.requestParameters.key"),
}
SAMPLES = {"s3": "eventbridge-put.json", "cloudtrail": "cloudtrail-put.json"}
RULES = {"s3": FARGATE, "cloudtrail": CLOUDTRAIL}

Matches = Callable[[Any, Any], bool]
"""Whether an event pattern matches an event."""

every_source = in_turn("source", RULES)

HOSTILE_KEYS = [
    'input/quo"ted.png',
    "input/back\\slash.png",
    'input/", "evil": "',
    "input/\\u0022.png",
    "input/new\nline\ttab.png",
    "input/gr\u00fc\u00dfe \u4e16\u754c \U0001f5fa.png",
    "input/a+b%20c&d=e;f.png",
    "input/<key>.png",
    "input/${key}.png",
    "input/'; rm -rf $HOME; '.png",
    "input/\u0000\u0001.png",
    "input/../../etc/passwd",
    "input/" + "\u4e16" * 339,
]


@pytest.fixture(scope="session")
def moto() -> Iterator[Matches]:
    """The opinion of moto, from its own environment."""
    with subprocess.Popen(
        [str(BUILD / "env/moto/bin/python"), str(Path(__file__).with_name("moto_patterns.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def ask(pattern: Any, event: Any) -> bool:
            assert process.stdin and process.stdout
            print(json.dumps([pattern, event]), file=process.stdin, flush=True)
            return bool(json.loads(process.stdout.readline()))

        yield ask


@pytest.fixture(params=["ours", "moto"])
def matches(request: pytest.FixtureRequest) -> Matches:
    """Two matchers, neither of them ministack's, which the tests in tests/local ask as the
    third."""
    return patterns.matches if request.param == "ours" else request.getfixturevalue("moto")


def set_at(event: Any, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for name in parents:
        event = event[name]
    if value is None:
        del event[last]
    else:
        event[last] = value


def sample(source: str, /, **changes: Any) -> Any:
    """A sample event of this stack's bucket, with changes at paths (__ for a dot)."""
    event = json.loads((ROOT / "events" / SAMPLES[source]).read_text())
    set_at(event, PATHS[source][0], BUCKET)
    for path, value in changes.items():
        set_at(event, path.replace("__", "."), value)
    return event


def with_key(source: str, key: str) -> Any:
    event = sample(source)
    set_at(event, PATHS[source][1], key)
    return event


@every_source
def test_an_upload_starts_a_task(matches: Matches, source: str) -> None:
    assert matches(synthesize(RULES[source])["UploadRule"]["EventPattern"], sample(source))


@in_turn("file", ["cloudtrail-copy.json", "cloudtrail-multipart.json"])
def test_every_way_to_upload_starts_a_task(matches: Matches, file: str) -> None:
    event = json.loads((ROOT / "events" / file).read_text())
    set_at(event, PATHS["cloudtrail"][0], BUCKET)
    assert matches(synthesize(CLOUDTRAIL)["UploadRule"]["EventPattern"], event)


def test_a_form_upload_starts_a_task(matches: Matches) -> None:
    event = sample("cloudtrail", detail__eventName="PostObject")
    assert matches(synthesize(CLOUDTRAIL)["UploadRule"]["EventPattern"], event)


@every_source
@in_turn("key", HOSTILE_KEYS)
def test_any_key_under_the_input_prefix_starts_a_task(
    matches: Matches, source: str, key: str
) -> None:
    pattern = synthesize(RULES[source])["UploadRule"]["EventPattern"]
    assert matches(pattern, with_key(source, key))


@every_source
@in_turn(
    "key",
    ["output/a.png", "rejected/a.png.json", "a.png", "Input/a.png", "xinput/a.png", "input"],
)
def test_other_keys_start_none(matches: Matches, source: str, key: str) -> None:
    """Above all outputs and rejections: a loop would never end."""
    pattern = synthesize(RULES[source])["UploadRule"]["EventPattern"]
    assert not matches(pattern, with_key(source, key))


@pytest.mark.parametrize(
    ("source", "change"),
    [
        ("s3", {"detail__bucket__name": "another"}),
        ("s3", {"detail-type": "Object Deleted"}),
        ("s3", {"source": "my.app"}),
        ("cloudtrail", {"detail__requestParameters__bucketName": "another"}),
        ("cloudtrail", {"detail__eventName": "DeleteObject"}),
        ("cloudtrail", {"detail__eventName": "UploadPart"}),
        ("cloudtrail", {"detail__eventName": "PutObjectTagging"}),
        ("cloudtrail", {"detail__eventSource": "s3-outposts.amazonaws.com"}),
        ("cloudtrail", {"detail__errorCode": "AccessDenied"}),
        ("cloudtrail", {"detail__requestParameters__key": None}),
        ("cloudtrail", {"detail__requestParameters__bucketName": None}),
        ("s3", {"detail__object__key": None}),
        ("s3", {"detail__bucket__name": None}),
    ],
)
def test_other_events_start_none(matches: Matches, source: str, change: dict[str, Any]) -> None:
    pattern = synthesize(RULES[source])["UploadRule"]["EventPattern"]
    assert not matches(pattern, sample(source, **change))


def test_one_upload_does_not_start_two_tasks(matches: Matches) -> None:
    """Each source's rule is deaf to the other source."""
    assert not matches(synthesize(FARGATE)["UploadRule"]["EventPattern"], sample("cloudtrail"))
    assert not matches(synthesize(CLOUDTRAIL)["UploadRule"]["EventPattern"], sample("s3"))


@every_source
@in_turn("key", HOSTILE_KEYS)
def test_the_task_gets_bucket_and_key_as_they_are(source: str, key: str) -> None:
    """The transformer's output is what RunTask takes as `overrides`, by botocore's model of it."""
    stack = synthesize(RULES[source])
    (target,) = stack["UploadRule"]["Targets"]
    overrides = json.loads(transform(target["InputTransformer"], with_key(source, key)))
    (container,) = stack["TaskDefinition"]["ContainerDefinitions"]
    assert overrides == {
        "containerOverrides": [
            {
                "name": container["Name"],
                "environment": [
                    {"name": "S3_BUCKET", "value": BUCKET},
                    {"name": "S3_KEY", "value": key},
                ],
            }
        ]
    }
    report = botocore.validate.ParamValidator().validate(overrides, overrides_shape())
    assert not report.has_errors(), report.generate_report()
    assert len(json.dumps(overrides)) <= 8192, "the longest that RunTask takes"


def overrides_shape() -> botocore.model.Shape:
    model = botocore.loaders.Loader().load_service_model("ecs", "service-2")
    operation = botocore.model.ServiceModel(model).operation_model("RunTask")
    assert operation.input_shape is not None
    return operation.input_shape.members["overrides"]


@every_source
def test_the_pattern_demands_each_path_that_the_transformer_reads(
    matches: Matches, source: str
) -> None:
    """A path that is missing from the event would leave a hole in the JSON."""
    rule = synthesize(RULES[source])["UploadRule"]
    (target,) = rule["Targets"]
    for path in target["InputTransformer"]["InputPathsMap"].values():
        event = copy.deepcopy(sample(source))
        set_at(event, path.removeprefix("$."), None)
        assert not matches(rule["EventPattern"], event)


def test_the_target_runs_one_task_of_this_definition_in_this_cluster() -> None:
    (target,) = synthesize(FARGATE)["UploadRule"]["Targets"]
    assert target["Arn"] == "<Cluster.Arn>"
    assert target["RoleArn"] == "<UploadRuleRole.Arn>"
    ecs = target["EcsParameters"]
    assert ecs["TaskDefinitionArn"] == "<TaskDefinition>"
    assert (ecs["TaskCount"], ecs["LaunchType"]) == (1, "FARGATE")
    assert ecs["PropagateTags"] == "TASK_DEFINITION", "the one value that EventBridge takes"


@every_source
def test_a_task_that_cant_be_started_is_tried_for_a_day_and_then_kept(source: str) -> None:
    (target,) = synthesize(RULES[source])["UploadRule"]["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": "<RawFailureQueue.Arn>"}
    assert target["RetryPolicy"] == {
        "MaximumEventAgeInSeconds": 86400,
        "MaximumRetryAttempts": 185,
    }


def leaves(node: Any) -> Iterator[Any]:
    """The values in a part of the template; what Fn::Sub makes is text."""
    if not isinstance(node, dict | list):
        yield node
    elif "Fn::Sub" not in node:
        for child in node.values() if isinstance(node, dict) else node:
            yield from leaves(child)


def test_patterns_with_numbers_or_booleans_are_text() -> None:
    """In an object, CloudFormation may turn them into strings, which mean something else.

    https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/251
    """
    found = {
        name: each["Properties"].get("EventPattern", {})
        for name, each in SOURCE["Resources"].items()
        if each["Type"] == "AWS::Events::Rule"
    }
    rules = {"UploadRule", "SmallUploadRule", "TaskFailureRule", "OutputRule", "RejectionRule"}
    assert rules <= found.keys()
    for rule, pattern in found.items():
        assert [each for each in leaves(pattern) if not isinstance(each, str)] == [], rule


def stopped(**changes: Any) -> Any:
    detail = {
        "clusterArn": "<Cluster.Arn>",
        "taskDefinitionArn": f"{ACCOUNT}:task-definition/mazes:7",
        "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "containers": [{"name": "worker", "exitCode": 1}],
    }
    return {
        "source": "aws.ecs",
        "detail-type": "ECS Task State Change",
        "detail": {**detail, **changes},
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"containers": [{"name": "worker", "exitCode": 137, "reason": "OutOfMemoryError"}]},
        {"stopCode": "SpotInterruption", "containers": [{"name": "worker", "exitCode": 143}]},
        {
            "stopCode": "SpotInterruption",
            "containers": [{"name": "agent", "exitCode": 0}, {"name": "worker"}],
        },
        {"stopCode": "TerminationNotice", "containers": [{"name": "worker"}]},
        {"stopCode": "UserInitiated", "containers": [{"name": "agent", "exitCode": 0}]},
        {"stopCode": "TaskFailedToStart", "containers": [{"name": "worker"}]},
        {"stopCode": "TaskFailedToStart", "containers": []},
        {"stopCode": "TaskFailedToStart", "containers": [{"name": "agent", "exitCode": 0}]},
        {"containers": [{"name": "worker", "reason": "no exit code"}]},
        {"containers": [{"name": "agent", "exitCode": 0}, {"name": "worker", "exitCode": 1}]},
    ],
)
def test_a_task_that_did_not_end_well_is_reported(changes: dict[str, Any]) -> None:
    """Our matcher alone: moto's does not look into arrays of objects."""
    rule = synthesize(FARGATE)["TaskFailureRule"]
    assert patterns.matches(rule["EventPattern"], stopped(**changes))


@pytest.mark.parametrize(
    "containers",
    [
        [{"name": "worker", "exitCode": 0}],
        [{"name": "agent", "exitCode": 1}, {"name": "worker", "exitCode": 0}],
        [{"name": "agent"}, {"name": "worker", "exitCode": 0}],
    ],
)
def test_a_task_that_ended_well_is_not_reported(containers: list[Any]) -> None:
    rule = synthesize(FARGATE)["TaskFailureRule"]
    assert not patterns.matches(rule["EventPattern"], stopped(containers=containers))


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ({"firstName": ["Anna"]}, True),
        ({"firstName": ["Anna"], "lastName": ["Smith"]}, True),
        ({"firstName": ["Anna"], "lastName": ["Jones"]}, False),
    ],
)
def test_what_matches_lies_in_one_object_of_an_array(
    pattern: dict[str, Any], matching: bool
) -> None:
    """Event Ruler's own example, to try our matcher where moto's can't help.

    https://github.com/aws/event-ruler#json-array-matching
    """
    names = [("John", "Doe"), ("Anna", "Smith"), ("Peter", "Jones")]
    event = {"employees": [{"firstName": first, "lastName": last} for first, last in names]}
    assert patterns.matches({"employees": pattern}, event) is matching


@pytest.mark.parametrize(
    "changes",
    [
        {"lastStatus": "RUNNING", "containers": [{"name": "worker"}]},
        {"clusterArn": f"{ACCOUNT}:cluster/another"},
        {"taskDefinitionArn": f"{ACCOUNT}:task-definition/mazes-of-others:7"},
    ],
)
def test_other_tasks_are_not_reported(matches: Matches, changes: dict[str, Any]) -> None:
    assert not matches(synthesize(FARGATE)["TaskFailureRule"]["EventPattern"], stopped(**changes))


def test_the_report_is_the_whole_event() -> None:
    """Its `overrides` have bucket and key; a transformer would break where a path is missing."""
    (target,) = synthesize(FARGATE)["TaskFailureRule"]["Targets"]
    assert target == {"Id": "failures", "Arn": "<RawFailureQueue.Arn>"}

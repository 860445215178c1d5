"""The sweep: what has no result gets one, whatever came of its event."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.pipeline import NO_GRACE, Pipeline, rejection_key, until
from local.scenarios import ONE_OF_EACH_MODE
from operate import sweep as by_hand_sweep
from tests.local.other_jobs import job_without_permissions
from tests.local.test_failures import FAILURE

Maze = Callable[[int], bytes]
Json = dict[str, Any]


class Sweeper:
    """The sweep of one stack, which takes uploads for lost at once."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._lambda = pipeline.aws.client("lambda")
        self.function = pipeline.outputs["SweepFunctionName"]

    def __call__(self, **event: object) -> Json:
        """Sweep; gives what was done, under `outcomes`."""
        reply = self._lambda.invoke(FunctionName=self.function, Payload=json.dumps(event))
        said: Json = json.load(reply["Payload"])
        assert "FunctionError" not in reply, said
        return said

    @contextlib.contextmanager
    def settings(self, **changed: str) -> Iterator[None]:
        """Other environment variables for the function, for a while."""
        found = self._lambda.get_function_configuration(FunctionName=self.function)
        before = found["Environment"]["Variables"]
        self._set(before | changed)
        try:
            yield
        finally:
            self._set(before)

    def without_grace(self, **changed: str) -> contextlib.AbstractContextManager[None]:
        """Each upload is old enough for the sweep at once, for a while."""
        return self.settings(**NO_GRACE, **changed)

    def _set(self, variables: dict[str, str]) -> None:
        self._lambda.update_function_configuration(
            FunctionName=self.function, Environment={"Variables": variables}
        )

    @contextlib.contextmanager
    def events_are_lost(self) -> Iterator[None]:
        """Nothing hears of uploads, for a while."""
        events, bucket = self._pipeline.aws.client("events"), self._pipeline.bucket
        if "RuleName" in self._pipeline.outputs:
            found = events.list_rules()["Rules"]
            rules = [rule["Name"] for rule in found if bucket in rule.get("EventPattern", "")]
            for rule in rules:
                events.disable_rule(Name=rule)
            try:
                yield
            finally:
                for rule in rules:
                    events.enable_rule(Name=rule)
            return
        s3 = self._pipeline.s3
        before = s3.get_bucket_notification_configuration(Bucket=bucket)
        del before["ResponseMetadata"]
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
        try:
            yield
        finally:
            s3.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration=before
            )


# Modes differ in what a sweep starts and in how that fails; its way through the bucket is the same.
IN_ONE_MODE = pytest.mark.parametrize("scenario", ["lambda"])


@pytest.fixture(params=ONE_OF_EACH_MODE)
def scenario(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def sweepers() -> Iterator[Callable[[Pipeline], Sweeper]]:
    """One of each stack: with other settings, the function starts anew."""
    with contextlib.ExitStack() as at_the_end:

        @functools.cache
        def of(pipeline: Pipeline) -> Sweeper:
            sweeper = Sweeper(pipeline)
            at_the_end.enter_context(sweeper.without_grace())
            return sweeper

        yield of


@pytest.fixture
def sweep(pipeline: Pipeline, sweepers: Callable[[Pipeline], Sweeper]) -> Sweeper:
    return sweepers(pipeline)


def test_uploads_whose_events_were_lost_get_their_outputs(
    sweep: Sweeper, pipeline: Pipeline, maze: Maze
) -> None:
    lost = {f"input/lost/{name}": maze(number) for number, name in enumerate(("a b", "ü+%2B"))}
    with sweep.events_are_lost():
        versions = {key: pipeline.upload(key, body) for key, body in lost.items()}
    assert sweep(prefix="input/lost/")["outcomes"] == {"started": 2}
    for key, version in versions.items():
        assert pipeline.result(key, version).is_output
    assert sweep(prefix="input/lost/")["outcomes"] == {"current": 2}


@IN_ONE_MODE
def test_a_newer_version_gets_its_output_too(
    sweep: Sweeper, pipeline: Pipeline, maze: Maze
) -> None:
    key = "input/newer/a.png"
    pipeline.upload(key, maze(1))
    pipeline.reports(key)  # a job that has not ended yet would see the newer version by itself
    with sweep.events_are_lost():
        version = pipeline.upload(key, maze(2))
    assert sweep(prefix="input/newer/")["outcomes"] == {"started": 1}
    pipeline.result(key, version)


@IN_ONE_MODE
def test_rejections_are_results(sweep: Sweeper, pipeline: Pipeline) -> None:
    for key in ("input/unsolvable/a", "input/unsolvable/a-b", "input/unsolvable/a.png"):
        pipeline.result(key, pipeline.upload(key, b"no picture"))
    assert sweep(prefix="input/unsolvable/")["outcomes"] == {"current": 3}


@IN_ONE_MODE
def test_a_dry_run_counts_and_starts_nothing(
    sweep: Sweeper, pipeline: Pipeline, maze: Maze
) -> None:
    with sweep.events_are_lost():
        version = pipeline.upload("input/dry/a.png", maze(1))
    for _ in range(2):
        assert sweep(prefix="input/dry/", dry_run=True)["outcomes"] == {"due": 1}
    assert pipeline.keys("output/dry/") == []
    assert sweep(prefix="input/dry/")["outcomes"] == {"started": 1}
    pipeline.result("input/dry/a.png", version)


@IN_ONE_MODE
def test_a_sweep_goes_on_where_its_time_was_out(
    sweep: Sweeper, pipeline: Pipeline, maze: Maze
) -> None:
    with sweep.events_are_lost():
        versions = {f"input/slow/{n}": pipeline.upload(f"input/slow/{n}", maze(n)) for n in "12345"}
    first = sweep(prefix="input/slow/", rate=1, seconds=2.5)
    assert first["outcomes"]["started"] < 5
    assert first["after"] is not None
    assert sweep(prefix="input/slow/", after=first["after"])["after"] is None
    for key, version in versions.items():
        pipeline.result(key, version)


@IN_ONE_MODE
def test_the_schedules_sweep_keeps_its_place_in_the_bucket(
    sweep: Sweeper, pipeline: Pipeline, maze: Maze
) -> None:
    with sweep.events_are_lost():
        # After all that other tests left.
        versions = {f"input/~{n}": pipeline.upload(f"input/~{n}", maze(n)) for n in "123"}
    first = sweep(resume=True, rate=0.5, seconds=3)
    assert 0 < first["outcomes"]["started"] < 3  # two, on a machine without much else to do
    assert first["after"] is not None
    with sweep.events_are_lost():
        behind = pipeline.upload("input/!", maze(9))  # before all others
    assert sweep(resume=True)["after"] is None
    for key, version in versions.items():
        pipeline.result(key, version)
    assert list(pipeline.results("input/!")) == []
    assert sweep(resume=True)["after"] is None
    pipeline.result("input/!", behind)


def test_what_keeps_failing_is_given_up_with_its_last_reason(
    sweep: Sweeper, pipeline: Pipeline, maze: Maze
) -> None:
    key, prefix = "input/poison/a.png", "input/poison/"
    with sweep.settings(MAX_ATTEMPTS="2"), job_without_permissions(pipeline):
        version = pipeline.upload(key, maze(3))
        pipeline.failure(key)
        for _ in range(2):
            assert sweep(prefix=prefix)["outcomes"] == {"started": 1}
            failure = pipeline.failure(key)
        assert sweep(prefix=prefix)["outcomes"] == {"gave_up": 1}
    reason = pipeline.result(key, version).rejection["reason"]
    assert reason == f"gave up after 2 attempts; the last: {failure['reason']}"
    assert sweep(prefix=prefix)["outcomes"] == {"current": 1}

    pipeline.s3.delete_object(Bucket=pipeline.bucket, Key=rejection_key(key))
    assert sweep(prefix=prefix)["outcomes"] == {"started": 1}
    assert pipeline.result(key, version).is_output


def with_processor(pipeline: Pipeline, name: str) -> str:
    """A revision of the task definition with another processor; gives its ARN."""
    ecs = pipeline.aws.client("ecs")
    found = ecs.describe_task_definition(taskDefinition=pipeline.resource("TaskDefinition"))
    definition = found["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    others = [each for each in container["environment"] if each["name"] != "PROCESSOR"]
    container["environment"] = [*others, {"name": "PROCESSOR", "value": name}]
    asked = ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
    reply = ecs.register_task_definition(
        **{name: value for name, value in definition.items() if name in asked}
    )
    return str(reply["taskDefinition"]["taskDefinitionArn"])


def test_what_a_wrong_processor_keeps_from_beginning_is_not_given_up(
    pipelines: dict[str, Pipeline], maze: Maze
) -> None:
    """More often than MaxAttempts; it goes on by itself when the parameter is mended."""
    pipeline, key, prefix = pipelines["fargate"], "input/not begun/a.png", "input/not begun/"
    sweep = Sweeper(pipeline)
    with sweep.without_grace(MAX_ATTEMPTS="1"):
        with sweep.events_are_lost():
            version = pipeline.upload(key, maze(1))
        wrong = with_processor(pipeline, "nothing:here")
        with sweep.without_grace(MAX_ATTEMPTS="1", TASK_DEFINITION=wrong):
            for outcome in ("started", "started_again", "started_again"):
                assert sweep(prefix=prefix)["outcomes"] == {outcome: 1}
                failure = pipeline.failure(key)
                assert failure["started"] is False
                assert "PROCESSOR is 'nothing:here'" in failure["reason"]
        assert sweep(prefix=prefix, dry_run=True)["outcomes"] == {"cant_start": 1}
        said = sweep(resume=True)
        assert said["outcomes"]["started_again"] == said["cant_start"] == 1
        assert pipeline.result(key, version).is_output
        assert sweep(resume=True)["cant_start"] == 0


@pytest.mark.usefixtures("default_account")
def test_what_was_given_up_is_started_again_by_hand(
    pipelines: dict[str, Pipeline], maze: Maze, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline, key, prefix = pipelines["lambda"], "input/given up/a.png", "input/given up/"
    sweep = Sweeper(pipeline)
    with sweep.without_grace(MAX_ATTEMPTS="1"):
        with job_without_permissions(pipeline):
            version = pipeline.upload(key, maze(3))
            pipeline.failure(key)
            assert sweep(prefix=prefix)["outcomes"] == {"started": 1}
            pipeline.failure(key)
            assert sweep(prefix=prefix)["outcomes"] == {"gave_up": 1}
        assert pipeline.result(key, version).rejection["gave_up"] is True
        by_hand = [pipeline.stack, f"--prefix={prefix}"]
        assert by_hand_sweep.main(by_hand) == 0
        assert "1 uploads, 0 without" in capsys.readouterr().out
        assert by_hand_sweep.main([*by_hand, "--given-up"]) == 0
        assert "1 started" in capsys.readouterr().out
        until(lambda: pipeline.result(key, version).is_output, "an output")


def test_the_longest_keys_end_in_a_result(sweep: Sweeper, pipeline: Pipeline, maze: Maze) -> None:
    """S3 takes 1,024 bytes; the record of a rejection would have more."""
    prefix = "input/long/"
    good, bad = (prefix + name + "ü" * ((1024 - len(prefix)) // 2 - 1) for name in "gb")
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key=good, Body=maze(1))
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key=bad, Body=b"no picture")
    for key in (good, bad):
        assert pipeline.reports(key)[0]["outcome"] == ("succeeded" if key == good else "rejected")
    assert sweep(prefix=prefix)["outcomes"] == {"current": 2}
    with pytest.raises(ClientError, match="KeyTooLongError"):
        pipeline.upload("input/" + "ü" * 510, b"x")


@IN_ONE_MODE
@pytest.mark.usefixtures("default_account")
def test_a_sweep_by_hand_counts_first_and_shows_what_it_did(
    sweep: Sweeper, pipeline: Pipeline, maze: Maze, capsys: pytest.CaptureFixture[str]
) -> None:
    with sweep.events_are_lost():
        keys = ["input/by hand/1", "input/by hand/2"]
        versions = {key: pipeline.upload(key, maze(1)) for key in keys}
    by_hand = [pipeline.stack, "--prefix=input/by hand/", "--rate=5"]
    assert by_hand_sweep.main([*by_hand, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"stack {pipeline.stack} in" in said
    assert "looked at 2 uploads, 2 without a current result" in said
    assert all(f"  {key}\n" in said for key in keys)
    assert "started" not in said
    assert by_hand_sweep.main(by_hand) == 0
    assert "[##############################] 100% 2 started" in capsys.readouterr().out
    for key, version in versions.items():
        pipeline.result(key, version)
    assert by_hand_sweep.main(by_hand) == 0
    assert "2 uploads, 0 without" in capsys.readouterr().out


@pytest.mark.usefixtures("default_account")
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["no-such-stack"], 2, "there is no stack 'no-such-stack'"),
        (["test-lambda", "--prefix=output/"], 1, "it must start with input/"),
    ],
)
def test_a_sweep_by_hand_names_what_is_wrong(
    pipelines: dict[str, Pipeline],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    says: str,
) -> None:
    assert by_hand_sweep.main(arguments) == code
    assert says in capsys.readouterr().err


@IN_ONE_MODE
def test_a_sweep_that_may_not_list_says_so_in_the_failure_queue(
    sweep: Sweeper, pipeline: Pipeline
) -> None:
    aws = pipeline.aws
    stack = aws.client("cloudformation").describe_stack_resources(StackName=pipeline.stack)
    ids = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in stack["StackResources"]}
    policy = {"RoleName": ids["SweepFunctionRole"], "PolicyArn": ids["JobPolicy"]}
    iam = aws.client("iam")
    iam.detach_role_policy(**policy)
    try:
        aws.client("lambda").invoke(
            FunctionName=sweep.function, InvocationType="Event", Payload=b"{}"
        )
        failure = pipeline.failure(None)
    finally:
        iam.attach_role_policy(**policy)
    assert list(failure) == FAILURE
    assert (failure["source"], failure["key"]) == ("sweep", None)
    assert "s3:ListBucket" in failure["reason"]


def test_a_sweep_without_a_setting_names_it_in_the_failure_queue(
    pipelines: dict[str, Pipeline],
) -> None:
    pipeline = pipelines["lambda"]
    sweep = Sweeper(pipeline)
    with sweep.settings(OVERHEAD_SECONDS=""):
        pipeline.aws.client("lambda").invoke(
            FunctionName=sweep.function, InvocationType="Event", Payload=b"{}"
        )
        failure = pipeline.failure(None)
    assert failure["source"] == "sweep"
    assert failure["reason"] == "OVERHEAD_SECONDS is ''; it must be what the template says"


def test_the_schedule_starts_the_sweep(pipelines: dict[str, Pipeline], maze: Maze) -> None:
    pipeline = pipelines["fargate"]
    events = pipeline.aws.client("events")
    rule = pipeline.bucket.replace("uploads-", "sweep-")
    before = events.describe_rule(Name=rule)["ScheduleExpression"]
    assert before == "rate(1 hour)"
    sweeper = Sweeper(pipeline)
    with sweeper.without_grace():
        with sweeper.events_are_lost():
            version = pipeline.upload("input/scheduled.png", maze(1))
        events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)")
        try:
            assert pipeline.result("input/scheduled.png", version, seconds=120).is_output
        finally:
            events.put_rule(Name=rule, ScheduleExpression=before)

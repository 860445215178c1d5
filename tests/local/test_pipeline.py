"""The whole pipeline, from upload to verdict, in each scenario."""

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from bench import pictures
from local.aws import EmbeddedAws
from local.engine import Engine
from local.pipeline import Pipeline, answer_key, rejection_key, until

Maze = Callable[[int], bytes]

ODD_KEYS = [
    "input/dots.in.the.name.png",
    "input/a space.png",
    "input/two  spaces .png",
    "input/plus+plus.png",
    "input/per%cent.png",
    "input/escaped%2Bplus.png",
    "input/escaped%20space.png",
    "input/'single' quotes.png",
    'input/"double" quotes.png',
    "input/<key>&$#?;=@,!*().png",
    "input/back\\slash.png",
    "input/ünïcödé-迷路-😀.png",
    "input/in/folders/deep.png",
    "input//double-slash.png",
    "input/../dot-dot.png",
    "input/./dot.png",
    "input/no-suffix",
    "input/input/again.png",
    "input/output/looks-like-an-answer.png",
    f"input/{'long' * 200}.png",
]

REPORT = [
    *("outcome", "bucket", "key", "version", "bytes", "pixels", "milliseconds", "mode", "reason"),
    "logged",  # ours, the time of the log event
]


def png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


BAD_PICTURES = {
    "empty.png": (b"", "empty"),
    "text.png": (b"this is no picture", "not a picture"),
    "cut-off.png": (png(pictures.maze(200, 200))[:300], "damaged or cut off"),
    "walled.png": (png(pictures.hostile("no-path", 40, 40)), "no path"),
    "no-top.png": (png(Image.new("L", (20, 20), 0)), "top"),
}


def test_an_upload_gets_its_answer_under_the_same_name(pipeline: Pipeline, maze: Maze) -> None:
    version = pipeline.upload("input/first.png", maze(1))
    verdict = pipeline.verdict("input/first.png", version)
    assert verdict.key == "output/first.png"
    assert verdict.metadata["source-version"] == version
    with Image.open(BytesIO(verdict.body)) as answer:
        assert (answer.format, answer.size) == ("PNG", Image.open(BytesIO(maze(1))).size)
        assert (0, 255, 0) in {colour for _, colour in answer.convert("RGB").getcolors()}


def test_keys_of_any_shape_get_their_answers(pipeline: Pipeline, maze: Maze) -> None:
    versions = {}
    for seed, key in enumerate(ODD_KEYS):
        versions[key] = pipeline.upload(key, maze(seed))
        time.sleep(0.25)  # the embedded AWS starts a process for each at once
    answered = {key: pipeline.verdict(key, version).key for key, version in versions.items()}
    assert answered == {key: answer_key(key) for key in ODD_KEYS}


def test_copies_and_multipart_uploads_are_uploads(pipeline: Pipeline, maze: Maze) -> None:
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key="elsewhere/source.png", Body=maze(2))
    copied = pipeline.s3.copy_object(
        Bucket=pipeline.bucket,
        Key="input/copied.png",
        CopySource={"Bucket": pipeline.bucket, "Key": "elsewhere/source.png"},
    )["VersionId"]
    name = {"Bucket": pipeline.bucket, "Key": "input/in-parts.png"}
    upload = pipeline.s3.create_multipart_upload(**name)["UploadId"]
    part = pipeline.s3.upload_part(**name, UploadId=upload, PartNumber=1, Body=maze(3))
    in_parts = pipeline.s3.complete_multipart_upload(
        **name,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )["VersionId"]
    assert pipeline.verdict("input/copied.png", copied).is_answer
    assert pipeline.verdict("input/in-parts.png", in_parts).is_answer


def test_only_files_under_the_input_prefix_get_verdicts(pipeline: Pipeline, maze: Maze) -> None:
    for key in ("input/folder/", "elsewhere/a.png", "inputs/a.png", "output/mine.png"):
        pipeline.upload(key, maze(4) if key.endswith("png") else b"")
    version = pipeline.upload("input/folder/last.png", maze(4))
    assert pipeline.verdict("input/folder/last.png", version).is_answer
    keys = pipeline.keys("output/") + pipeline.keys("rejected/")
    assert "output/folder/" not in keys
    assert not [key for key in keys if "elsewhere" in key or key.endswith("/a.png")]
    assert len(pipeline.versions("output/mine.png")) == 1


def test_the_answer_ends_as_that_of_the_last_version(pipeline: Pipeline, maze: Maze) -> None:
    versions = [pipeline.upload("input/overwritten.png", maze(seed)) for seed in (5, 6, 7)]
    pipeline.verdict("input/overwritten.png", versions[-1])
    pipeline.reports("input/overwritten.png", count=len(versions))
    (last,) = pipeline.verdicts("input/overwritten.png")
    assert last.metadata["source-version"] == versions[-1]
    own = pipeline.upload("input/the-same-alone.png", maze(7))
    assert last.body == pipeline.verdict("input/the-same-alone.png", own).body


def test_a_verdict_of_the_other_kind_goes(pipeline: Pipeline, maze: Maze) -> None:
    bad = pipeline.upload("input/mended.png", b"no picture")
    assert not pipeline.verdict("input/mended.png", bad).is_answer
    good = pipeline.upload("input/mended.png", maze(8))
    pipeline.verdict("input/mended.png", good)
    pipeline.reports("input/mended.png", count=2)
    assert [verdict.key for verdict in pipeline.verdicts("input/mended.png")] == [
        "output/mended.png"
    ]


def test_an_event_that_comes_twice_changes_nothing(
    aws: EmbeddedAws, pipeline: Pipeline, maze: Maze
) -> None:
    key = "input/twice.png"
    pipeline.verdict(key, pipeline.upload(key, maze(9)))
    start_again(aws, pipeline, key)
    start_again(aws, pipeline, key)
    reports = pipeline.reports(key, count=3)
    assert [report["outcome"] for report in reports] == ["answered", "unchanged", "unchanged"]
    assert len(pipeline.versions("output/twice.png")) == 1


def start_again(aws: EmbeddedAws, pipeline: Pipeline, key: str) -> None:
    """Start the upload's job as its event did."""
    outputs = pipeline.outputs
    if "FunctionName" in outputs:
        s3 = {"bucket": {"name": pipeline.bucket}, "object": {"key": key}}
        record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}
        event = json.dumps({"Records": [record]}).encode()
        reply = aws.client("lambda").invoke(FunctionName=outputs["FunctionName"], Payload=event)
        assert "FunctionError" not in reply, reply["Payload"].read()
    else:
        run_task(aws, pipeline, S3_BUCKET=pipeline.bucket, S3_KEY=key)


def run_task(aws: EmbeddedAws, pipeline: Pipeline, **environment: str) -> str:
    """Run the worker's task as the rule does; gives the task's ARN."""
    outputs = pipeline.outputs
    reply = aws.client("ecs").run_task(
        cluster=outputs["ClusterArn"],
        taskDefinition=outputs["TaskDefinitionArn"],
        launchType="FARGATE",
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": outputs["SubnetIds"].split(","),
                "securityGroups": [outputs["SecurityGroupId"]],
            }
        },
        overrides={
            "containerOverrides": [
                {
                    "name": outputs["ContainerName"],
                    "environment": [{"name": n, "value": v} for n, v in environment.items()],
                }
            ]
        },
    )
    return str(reply["tasks"][0]["taskArn"])


def test_bad_pictures_are_rejected_and_their_neighbours_untouched(
    pipeline: Pipeline, maze: Maze
) -> None:
    pipeline.verdict("input/bad/neighbour.png", pipeline.upload("input/bad/neighbour.png", maze(1)))
    versions = {}
    for name, (body, _) in BAD_PICTURES.items():
        versions[name] = pipeline.upload(f"input/bad/{name}", body)
        time.sleep(0.25)
    for name, (_, reason) in BAD_PICTURES.items():
        verdict = pipeline.verdict(f"input/bad/{name}", versions[name])
        assert verdict.key == rejection_key(f"input/bad/{name}")
        assert reason in verdict.rejection["reason"]
        assert verdict.rejection["version"] == versions[name]
        (report,) = pipeline.reports(f"input/bad/{name}")
        assert (report["outcome"], report["reason"]) == ("rejected", verdict.rejection["reason"])
    assert pipeline.keys("output/bad/") == ["output/bad/neighbour.png"]
    assert len(pipeline.versions("output/bad/neighbour.png")) == 1


def test_answers_are_the_same_in_all_scenarios(pipelines: dict[str, Pipeline], maze: Maze) -> None:
    body = pictures.scan(pictures.maze(120, 90, 3, seed=4), seed=4)
    answers = {
        name: pipeline.verdict("input/same.jpg", pipeline.upload("input/same.jpg", body)).body
        for name, pipeline in pipelines.items()
    }
    assert len(set(answers.values())) == 1
    with Image.open(BytesIO(answers["lambda"])) as answer:
        assert answer.format == "JPEG"


def test_reports_have_the_same_fields_in_both_engines(
    scenario: str, pipeline: Pipeline, maze: Maze
) -> None:
    body = maze(10)
    version = pipeline.upload("input/reported.png", body)
    pipeline.verdict("input/reported.png", version)
    (report,) = pipeline.reports("input/reported.png")
    assert list(report) == REPORT
    width, height = Image.open(BytesIO(body)).size
    assert (report["bucket"], report["key"]) == (pipeline.bucket, "input/reported.png")
    assert (report["outcome"], report["version"]) == ("answered", version)
    assert (report["bytes"], report["pixels"]) == (len(body), width * height)
    assert report["mode"] == ("lambda" if scenario == "lambda" else "fargate")


# ---- What must not be possible ----------------------------------------------------------------


@contextlib.contextmanager
def function_settings(aws: EmbeddedAws, pipeline: Pipeline, **changed: str) -> Iterator[None]:
    """Other environment variables for the function, for a while."""
    functions, name = aws.client("lambda"), pipeline.outputs["FunctionName"]
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": before | changed}
    )
    try:
        yield
    finally:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": before}
        )


def what_s3_says_to_a_write(aws: EmbeddedAws, pipeline: Pipeline, target: str) -> str:
    """Have a job, with the credentials of its role, write an object in its own bucket."""
    key = f"input/probe/{target}"
    body = json.dumps({"bucket": pipeline.bucket, "key": target}).encode()
    pipeline.verdict(key, pipeline.upload(key, body))  # the maze's own: it is no picture
    settings = {
        "PROCESSOR": "probe:write",
        "PYTHONPATH": f"{Path(__file__).parent}:{aws.layer / 'python'}",
        "OUTPUT_PREFIX": "output/probed/",
        "REJECTED_PREFIX": "rejected/probed/",
    }
    if "FunctionName" in pipeline.outputs:
        with function_settings(aws, pipeline, **settings):
            start_again(aws, pipeline, key)
    else:
        run_task(aws, pipeline, S3_BUCKET=pipeline.bucket, S3_KEY=key, **settings)
    answer = f"output/probed/probe/{target}"
    until(lambda: answer in pipeline.keys(answer), answer)
    found = pipeline.s3.get_object(Bucket=pipeline.bucket, Key=answer)
    return found["Body"].read().decode()


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("output/allowed", "written"),
        ("rejected/allowed", "written"),
        ("input/denied", "AccessDenied"),
        ("elsewhere/denied", "AccessDenied"),
    ],
)
def test_a_job_can_write_verdicts_only(
    aws: EmbeddedAws, pipeline: Pipeline, target: str, says: str
) -> None:
    if aws.engine is Engine.DOCKER:
        pytest.skip("the probe is not in the container image")
    assert says in what_s3_says_to_a_write(aws, pipeline, target)
    assert (target in pipeline.keys(target)) == (says == "written")


def test_requests_without_tls_are_denied(aws: EmbeddedAws, pipelines: dict[str, Pipeline]) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="reader", PolicyName="allow", PolicyDocument=document)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    s3 = aws.client(
        "s3",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    bucket = pipelines["lambda"].bucket
    assert "Name" in s3.list_objects_v2(Bucket=bucket)
    s3.meta.events.register(
        "before-sign.s3",
        lambda request, **_: request.headers.add_header("X-Forwarded-Proto", "http"),
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=bucket)


# ---- What fails is not lost -------------------------------------------------------------------


@contextlib.contextmanager
def job_without_permissions(aws: EmbeddedAws, pipeline: Pipeline) -> Iterator[None]:
    """Take the job's role its policy, for a while."""
    iam = aws.client("iam")
    stack = aws.client("cloudformation").describe_stack_resources(StackName=pipeline.stack)
    ids = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in stack["StackResources"]}
    policy = {
        "RoleName": ids.get("ProcessFunctionRole") or ids["TaskRole"],
        "PolicyArn": ids["JobPolicy"],
    }
    iam.detach_role_policy(**policy)
    try:
        yield
    finally:
        iam.attach_role_policy(**policy)


def test_a_task_that_fails_is_reported_with_its_upload(
    aws: EmbeddedAws, task_pipeline: Pipeline, maze: Maze
) -> None:
    with job_without_permissions(aws, task_pipeline):
        task_pipeline.upload("input/failing task.png", maze(11))
        event = task_pipeline.failure("input/failing task.png")["body"]
    assert event["detail-type"] == "ECS Task State Change"
    (container,) = event["detail"]["containers"]
    assert (container["name"], container["exitCode"]) == ("worker", 1)
    (override,) = event["detail"]["overrides"]["containerOverrides"]
    assert override["environment"] == [
        {"name": "S3_BUCKET", "value": task_pipeline.bucket},
        {"name": "S3_KEY", "value": "input/failing task.png"},
    ]
    (report,) = task_pipeline.reports("input/failing task.png")
    assert report["outcome"] == "failed"


def test_a_task_that_is_stopped_is_reported_with_its_upload(
    aws: EmbeddedAws, task_pipeline: Pipeline, maze: Maze, tmp_path: Path
) -> None:
    if aws.engine is Engine.DOCKER:
        pytest.skip("the sleeping worker is not in the container image")
    package = tmp_path / "processing"
    package.mkdir()
    (package / "__main__.py").write_text("import time; time.sleep(600)")
    key = "input/stopped task.png"
    task = run_task(
        aws, task_pipeline, S3_BUCKET=task_pipeline.bucket, S3_KEY=key, PYTHONPATH=str(tmp_path)
    )
    ecs, cluster = aws.client("ecs"), task_pipeline.outputs["ClusterArn"]

    def status() -> str:
        return str(ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"][0]["lastStatus"])

    until(lambda: status() == "RUNNING", "the task running")
    ecs.stop_task(cluster=cluster, task=task, reason="a test")
    event = task_pipeline.failure(key)["body"]
    assert event["detail"]["taskArn"] == task
    assert event["detail"]["stoppedReason"] == "a test"
    assert event["detail"]["stopCode"] == "UserInitiated"
    assert event["detail"]["containers"][0]["exitCode"] == 128 + signal.SIGTERM


def test_a_launch_that_is_refused_is_in_the_queue_with_its_event(
    aws: EmbeddedAws, task_pipeline: Pipeline, maze: Maze
) -> None:
    iam = aws.client("iam")
    role = task_pipeline.outputs["RuleRoleArn"].rsplit("/", 1)[-1]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName=name)
    try:
        task_pipeline.upload("input/refused.png", maze(12))
        message = task_pipeline.failure("input/refused.png")
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))
    assert message["body"]["source"] == "aws.s3"
    assert message["attributes"]["ERROR_CODE"] == "AccessDeniedException"
    assert message["attributes"]["RULE_ARN"].endswith(task_pipeline.outputs["RuleName"])
    assert message["attributes"]["RETRY_ATTEMPTS"] == "0"


def test_the_rule_may_pass_the_tasks_roles_only_while_its_policy_says_so(
    aws: EmbeddedAws, task_pipeline: Pipeline, maze: Maze
) -> None:
    iam = aws.client("iam")
    role = task_pipeline.outputs["RuleRoleArn"].rsplit("/", 1)[-1]
    deny = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="deny", PolicyDocument=document)
    try:
        task_pipeline.upload("input/not-passed.png", maze(13))
        message = task_pipeline.failure("input/not-passed.png")
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="deny")
    assert "iam:PassRole" in message["attributes"]["ERROR_MESSAGE"]


def test_a_function_that_fails_three_times_is_reported_with_its_event(
    aws: EmbeddedAws, pipelines: dict[str, Pipeline], maze: Maze
) -> None:
    pipeline = pipelines["lambda"]
    with job_without_permissions(aws, pipeline):
        pipeline.upload("input/failing.png", maze(14))
        message = pipeline.failure("input/failing.png")["body"]
    assert message["requestContext"]["condition"] == "RetriesExhausted"
    assert message["requestPayload"]["Records"][0]["s3"]["bucket"]["name"] == pipeline.bucket
    reports = pipeline.reports("input/failing.png", count=3)
    assert [report["outcome"] for report in reports] == ["failed"] * 3
    assert pipeline.failures() == []

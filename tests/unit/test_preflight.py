"""What `make deploy` asks before it begins: each thing that stops a deployment has its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ProfileNotFound
from botocore.stub import Stubber

from operate import preflight
from operate.preflight import Finding
from operate.stacks import Stack

ROOT = Path(__file__).parents[2]
KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "s"}
OURS = {
    "Mode": "fargate",
    "EventSource": "s3",
    "InputPrefix": "input/",
    "OutputPrefix": "output/",
    "RejectedPrefix": "rejected/",
}


def one(found: Any) -> Finding:
    (finding,) = found
    assert isinstance(finding, Finding)
    return finding


def refusal(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


# ---- The account ---------------------------------------------------------------------------------


class Sts:
    """Takes the credentials, or does not."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def get_caller_identity(self) -> None:
        if self._error:
            raise self._error


def session(region: str | None, credentials: object, sts: Sts) -> Any:
    return SimpleNamespace(
        region_name=region, get_credentials=lambda: credentials, client=lambda _: sts
    )


def test_all_that_the_account_lacks_is_said_at_once() -> None:
    found = [*preflight.on_account(lambda: session(None, None, Sts()))]
    assert [finding.what for finding in found] == [
        "no region is chosen",
        "there are no credentials",
    ]
    assert all(finding.stops and finding.remedy for finding in found)


def test_credentials_that_expired_stop_it() -> None:
    sts = Sts(refusal("ExpiredToken", "GetCallerIdentity"))
    finding = one(preflight.on_account(lambda: session("eu-west-1", object(), sts)))
    assert finding.stops
    assert "ExpiredToken" in finding.what
    assert "aws sso login" in finding.remedy


def test_a_profile_that_is_not_there_stops_it() -> None:
    def new() -> Any:
        raise ProfileNotFound(profile="lost")

    assert "lost" in one(preflight.on_account(new)).what


def test_good_credentials_and_a_region_are_all_that_it_takes() -> None:
    assert not [*preflight.on_account(lambda: session("eu-west-1", object(), Sts()))]


def test_a_bare_machine_hears_of_credentials_region_and_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The whole program with boto3's own search, where there is nothing to find."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert preflight.main(["my_stack", "Mode=fargate", "Architecture=x86_64"]) == 1
    said = capsys.readouterr().err
    assert said.count("stops the deployment: ") == 3
    assert "no region is chosen" in said
    assert "there are no credentials" in said
    assert "'my_stack' can't be the name of a stack" in said


# ---- A bucket that somebody brings ---------------------------------------------------------------


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    def made(service: str) -> Any:
        return boto3.client(service, region_name="eu-west-1", **KEYS)

    sts, s3 = made("sts"), made("s3")
    caller = {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/me", "UserId": "u"}
    with Stubber(sts) as of_sts, Stubber(s3) as of_s3:
        of_sts.add_response("get_caller_identity", caller)
        monkeypatch.setattr(boto3, "client", {"sts": sts, "s3": s3}.__getitem__)
        yield of_s3


def head(region: str) -> dict[str, Any]:
    headers = {"x-amz-bucket-region": region}
    return {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": headers}}


def refuse(s3: Stubber, status: int) -> None:
    headers: dict[str, Any] = {"HTTPHeaders": {}}
    s3.add_client_error("head_bucket", str(status), "", status, response_meta=headers)


def test_a_bucket_that_is_here_is_nothing_to_speak_of(s3: Stubber) -> None:
    s3.add_response("head_bucket", head("eu-west-1"))
    s3.add_response("head_bucket", head("eu-west-1"))
    assert not [*preflight.on_bucket("theirs")]


def test_a_bucket_that_is_not_there_stops_it_in_the_words_of_the_deployment(s3: Stubber) -> None:
    refuse(s3, 404)
    finding = one(preflight.on_bucket("theirs"))
    assert finding.stops
    assert finding.what == "there is no bucket theirs"
    assert "aws s3 mb s3://theirs --region eu-west-1" in finding.remedy


def test_a_bucket_that_is_elsewhere_stops_it(s3: Stubber) -> None:
    s3.add_response("head_bucket", head("us-east-1"))
    finding = one(preflight.on_bucket("theirs"))
    assert finding.stops
    assert "is in us-east-1, and the stack in eu-west-1" in finding.what


def test_a_bucket_that_may_not_be_looked_at_is_a_note(s3: Stubber) -> None:
    """The stack's role looks by itself, and may be let in where this person is not."""
    refuse(s3, 403)
    finding = one(preflight.on_bucket("theirs"))
    assert not finding.stops
    assert "user/me" in finding.what


# ---- The stack -----------------------------------------------------------------------------------


def stack(status: str, parameters: dict[str, str]) -> Stack:
    id_ = "arn:aws:cloudformation:eu-west-1:111122223333:stack/mine/1"
    return Stack(id=id_, name="mine", status=status, parameters=parameters, outputs={})


@pytest.mark.parametrize(
    ("status", "remedy"),
    {
        "ROLLBACK_COMPLETE": "make destroy STACK=mine, or aws cloudformation delete-stack",
        "ROLLBACK_FAILED": "delete-stack --stack-name mine --region eu-west-1",
        "DELETE_FAILED": "make destroy STACK=mine",
        "UPDATE_ROLLBACK_FAILED": "continue-update-rollback --stack-name mine",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "wait until it is done",
        "CREATE_IN_PROGRESS": "wait until it is done",
    }.items(),
)
def test_a_stack_that_is_stuck_stops_it(status: str, remedy: str) -> None:
    finding = one(preflight.on_stack(stack(status, OURS)))
    assert finding.stops
    assert status in finding.what
    assert remedy in finding.remedy


@pytest.mark.parametrize(
    "status",
    ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"],
)
def test_a_stack_that_can_be_changed_does_not(status: str) -> None:
    parameters = {} if status == "REVIEW_IN_PROGRESS" else OURS
    assert not [*preflight.on_stack(stack(status, parameters))]


def test_a_stack_of_another_template_is_not_deployed_over() -> None:
    finding = one(preflight.on_stack(stack("CREATE_COMPLETE", {"Mode": "x"})))
    assert finding.stops
    assert "not made from this template" in finding.what


@pytest.mark.parametrize("name", ["a" * 128, "Mine-1"])
def test_names_that_cloudformation_takes(name: str) -> None:
    assert not [*preflight.on_name(name, {})]


@pytest.mark.parametrize("name", ["a" * 129, "my_stack", "1st", "", "ä"])
def test_names_that_it_does_not(name: str) -> None:
    assert one(preflight.on_name(name, {})).stops


def test_a_long_name_may_leave_the_boundary_behind() -> None:
    boundary = {"PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/b"}
    assert not [*preflight.on_name("a" * 36, boundary)]
    finding = one(preflight.on_name("a" * 37, boundary))
    assert not finding.stops
    assert "up to 36 characters" in finding.remedy


# ---- The image's build ---------------------------------------------------------------------------


class Quotas:
    """Service Quotas with one value for each code, or an error."""

    def __init__(self, values: dict[str, float]) -> None:
        self._values = values

    def get_service_quota(self, *, ServiceCode: str, QuotaCode: str) -> Any:
        assert ServiceCode == "codebuild"
        if QuotaCode not in self._values:
            raise refusal("AccessDeniedException", "GetServiceQuota")
        return {"Quota": {"Value": self._values[QuotaCode]}}


@pytest.mark.parametrize(
    ("architecture", "code"), [("x86_64", "L-9D07B6EF"), ("arm64", "L-5ED1D25B")]
)
def test_an_account_that_may_build_nothing_stops_it(architecture: str, code: str) -> None:
    quotas = Quotas({"L-9D07B6EF": 1, "L-5ED1D25B": 1, code: 0})
    finding = one(preflight.on_quota(quotas, architecture))
    assert finding.stops
    assert f"--quota-code {code}" in finding.remedy
    assert "WorkerImageUri" in finding.remedy


def test_one_build_is_enough() -> None:
    quotas = Quotas({"L-9D07B6EF": 1, "L-5ED1D25B": 1})
    assert not [*preflight.on_quota(quotas, "x86_64")]


def test_a_quota_that_cant_be_read_stops_nothing() -> None:
    finding = one(preflight.on_quota(Quotas({}), "x86_64"))
    assert not finding.stops
    assert "AccessDeniedException" in finding.what


@pytest.mark.parametrize(
    ("parameters", "builds"),
    [
        ({"Mode": "lambda"}, False),
        ({"Mode": "fargate"}, True),
        ({"Mode": "hybrid", "WorkerImageUri": ""}, True),
        ({"Mode": "fargate", "WorkerImageUri": "mine:1"}, False),
    ],
)
def test_the_quota_matters_where_the_stack_builds_its_image(
    parameters: dict[str, str], builds: bool
) -> None:
    assert preflight.builds_image(parameters) is builds


# ---- What was built ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "architecture", "fits"),
    [
        ("x86_64", "x86_64", True),
        ("aarch64", "arm64", True),
        ("aarch64", "x86_64", False),
        ("x86_64", "arm64", False),
    ],
)
def test_a_layer_for_another_processor_stops_it(
    tmp_path: Path, machine: str, architecture: str, fits: bool
) -> None:
    package = tmp_path / "ProcessingLayer/python/processing"
    package.mkdir(parents=True)
    (package / "built_for.py").write_text(f'MACHINE = "{machine}"\n')
    found = [*preflight.on_built(tmp_path, {"Architecture": architecture})]
    assert [each.remedy for each in found] == (
        [] if fits else [f"build it again: make deploy ARCHITECTURE={architecture}"]
    )


@pytest.mark.parametrize("mode", ["lambda", "hybrid", "fargate"])
@pytest.mark.parametrize("packages", ["", "ffmpeg\n"])
def test_a_function_has_no_debian_packages(mode: str, packages: str, tmp_path: Path) -> None:
    package = tmp_path / "ProcessingLayer/python/processing"
    package.mkdir(parents=True)
    (package / "built_for.py").write_text('MACHINE = "aarch64"\n')
    (tmp_path / "ProcessingLayer/packages.txt").write_text(packages)
    found = [*preflight.on_built(tmp_path, {"Architecture": "arm64", "Mode": mode})]
    assert len(found) == (packages != "" and mode != "fargate")
    assert all("['ffmpeg']" in each.what and not each.stops for each in found)


def test_nothing_built_stops_it(tmp_path: Path) -> None:
    assert "sam build" in one(preflight.on_built(tmp_path, {"Architecture": "arm64"})).remedy


# ---- The network of running tasks ----------------------------------------------------------------

EXISTING = {**OURS, "Network": "existing", "VpcId": "vpc-1"}


@pytest.mark.parametrize(
    ("before", "asked", "change"),
    [
        (OURS, {"Mode": "lambda"}, "Mode=lambda"),
        (OURS | {"Mode": "hybrid"}, {"Mode": "lambda"}, "Mode=lambda"),
        (OURS | {"Network": "isolated"}, {"Network": "private"}, "Network=private"),
        (EXISTING, {"VpcId": "vpc-2"}, "VpcId=vpc-2"),
        (EXISTING, {"Network": "public", "VpcId": ""}, "Network=public"),
        (OURS, {"Mode": "hybrid"}, None),
        (OURS | {"Network": "public"}, {"Mode": "fargate", "Network": "public"}, None),
        (OURS | {"Network": "public"}, {"Mode": "fargate", "MaxTasks": "5"}, None),
        (EXISTING, {"Mode": "fargate", "SubnetIds": "subnet-2"}, None),
        (OURS | {"Mode": "lambda"}, {"Mode": "fargate", "Network": "public"}, None),
    ],
)
def test_changes_that_take_a_network_away(
    before: dict[str, str], asked: dict[str, str], change: str | None
) -> None:
    assert preflight.network_goes(before, asked) == change

"""Check that a deployed stack works: upload a picture and a broken file, look at their verdicts.

What it uploaded and what came of it is deleted afterwards, unless something was wrong.

    PYTHONPATH=worker python -m operate.smoke STACK [--input PICTURE] [--timeout SECONDS] [--keep]

Exit codes: 0 the stack works, 1 it does not, 2 wrong arguments, or no such stack.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from local import paths
from local.usage import MakeParser

from . import solved, stacks, versions
from .stacks import NoStack, Stack

OUR_JOB = "processing.maze:solve"
SECONDS = {"s3": 300, "cloudtrail": 900}
"""To wait for the verdicts by EventSource. A task starts within a minute or two; CloudTrail's
records come within minutes, mostly."""


class DoesNotWork(Exception):
    """What is wrong with the stack."""


@dataclass(frozen=True)
class Verdict:
    """What became of one upload."""

    key: str
    outcome: str
    """answered | rejected"""
    body: bytes
    seconds: float
    """From the end of the upload until the verdict was seen."""


class Smoke:
    """One check of one stack, under a folder of its own."""

    def __init__(self, stack: Stack) -> None:
        if "BucketName" not in stack.outputs:
            raise DoesNotWork(f"the stack {stack.name!r} is {stack.status} and has no bucket")
        self.stack = stack
        self.bucket = stack.outputs["BucketName"]
        self.folder = f"smoke/{uuid.uuid4()}/"
        self._s3 = boto3.client("s3")
        self._uploaded: dict[str, tuple[str, float]] = {}

    def upload(self, name: str, body: bytes) -> None:
        """Put a file under the input prefix."""
        key = self.stack.parameters["InputPrefix"] + self.folder + name
        reply = self._s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        self._uploaded[name] = (reply["VersionId"], time.monotonic())

    def verdicts(self, seconds: float) -> dict[str, Verdict]:
        """Wait for the verdicts on all that was uploaded. Raises DoesNotWork."""
        found: dict[str, Verdict] = {}
        ends = time.monotonic() + seconds
        while missing := self._uploaded.keys() - found.keys():
            found |= {name: verdict for name in missing if (verdict := self._verdict(name))}
            if time.monotonic() > ends:
                lost = ", ".join(sorted(missing))
                raise DoesNotWork(f"no verdict on {lost} within {seconds:g} s.\n{self.where()}")
            time.sleep(0.2)
        return found

    def _verdict(self, name: str) -> Verdict | None:
        version, uploaded = self._uploaded[name]
        places = {
            "answered": self.stack.parameters["OutputPrefix"] + self.folder + name,
            "rejected": f"{self.stack.parameters['RejectedPrefix']}{self.folder}{name}.json",
        }
        for outcome, key in places.items():
            try:
                found = self._s3.get_object(Bucket=self.bucket, Key=key)
            except self._s3.exceptions.NoSuchKey:
                continue
            seconds = time.monotonic() - uploaded
            named = found["Metadata"].get("source-version")
            if named != version:
                raise DoesNotWork(f"{key} is for the version {named}, not for {version}")
            return Verdict(key, outcome, found["Body"].read(), seconds)
        return None

    def where(self) -> str:
        """What to look at next."""
        outputs = self.stack.outputs
        region = self._s3.meta.region_name
        queue = boto3.client("sqs").get_queue_attributes(
            QueueUrl=outputs["FailureQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
        )["Attributes"]["ApproximateNumberOfMessages"]
        commands = {
            "the log of the jobs": f"logs tail {outputs['LogGroupName']} --since 1h",
            f"the failure queue (about {queue} messages)": "sqs receive-message --queue-url "
            f"{outputs['FailureQueueUrl']} --visibility-timeout 0 --max-number-of-messages 10",
        }
        if cluster := outputs.get("ClusterArn"):
            commands["tasks that ended"] = (
                f"ecs list-tasks --cluster {cluster} --desired-status STOPPED"
            )
        return "Look at\n" + "\n".join(
            f"  {what}:\n    aws {command} --region {region}" for what, command in commands.items()
        )

    def clean_up(self) -> int:
        """Delete the uploads and the verdicts in all their versions; gives how many."""
        prefixes = ("InputPrefix", "OutputPrefix", "RejectedPrefix")
        return sum(
            versions.delete(self.bucket, self.stack.parameters[prefix] + self.folder)
            for prefix in prefixes
        )


def main(arguments: list[str] | None = None) -> int:
    """Run the check; gives the exit code."""
    chosen = parse(arguments)
    try:
        stack = stacks.find(chosen.stack)
        print(stack.describe())
        smoke = Smoke(stack)
        try:
            check(smoke, chosen.input, chosen.timeout or SECONDS[stack.parameters["EventSource"]])
        except BaseException:
            print(f"Left to look at: s3://{smoke.bucket}/*/{smoke.folder}", file=sys.stderr)
            raise
        if not chosen.keep:
            print(f"deleted the {smoke.clean_up()} objects of this check")
    except (NoStack, NoCredentialsError, NoRegionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (DoesNotWork, BotoCoreError, ClientError, versions.NotDeleted) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The arguments; a wrong one ends the program with exit code 2."""
    parser = MakeParser("smoke", "[STACK=uploads] [INPUT=file] [KEEP=1]", __doc__)
    parser.add_argument("stack", help="the stack's name")
    parser.add_argument("--input", type=_file, default=paths.SAMPLE, help="any picture of a maze")
    parser.add_argument("--timeout", type=float, help="seconds to wait for the verdicts")
    parser.add_argument("--keep", action="store_true", help="leave what was uploaded and answered")
    return parser.parse_args(arguments)


def _file(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {name!r} (in {Path.cwd()})")
    return path


def check(smoke: Smoke, picture: Path, seconds: float) -> None:
    """Upload, wait, look, and say what was seen. Raises DoesNotWork.

    Of a job other than ours, nobody but its owner knows what a right answer is, or a broken file.
    """
    job, body = smoke.stack.parameters["Processor"], picture.read_bytes()
    smoke.upload(picture.name, body)
    if job == OUR_JOB:
        smoke.upload("broken file.png", b"this is no picture")
    for name, verdict in smoke.verdicts(seconds).items():
        print(f"  {verdict.outcome} in {verdict.seconds:.1f} s: s3://{smoke.bucket}/{verdict.key}")
        if verdict.outcome == "rejected":
            record: dict[str, Any] = json.loads(verdict.body)
            print(f"    {record['reason']}")
        if job == OUR_JOB:
            expect(name == picture.name, verdict, body)
        else:
            print(f"    not looked into: it is for {job} to say what is right")


def expect(good: bool, verdict: Verdict, body: bytes) -> None:
    """Say what is right about the verdict. Raises DoesNotWork."""
    if verdict.outcome != ("answered" if good else "rejected"):
        raise DoesNotWork(f"{verdict.key}: {verdict.outcome}")
    if good:
        try:
            length = solved.check(body, verdict.body)
        except solved.NotSolved as error:
            raise DoesNotWork(f"{verdict.key}: {error}") from error
        print(f"    a path of {length} pixels leads from the top row to the bottom row")


if __name__ == "__main__":
    sys.exit(main())

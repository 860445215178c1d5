"""Check that a deployed stack works: upload a picture and a broken file, look at their results.

Right after a deployment or a change of Mode, S3 tells nobody of uploads yet. So each minute what
has no result is uploaded again, as a new version. What it uploaded and what came of it is deleted
afterwards in all versions, unless something was wrong.

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
from processing import picture
from processing.metadata import RUN

from mazes.check import LOSSY, NotSolved, solved
from tooling import paths
from tooling.progress import duration
from tooling.usage import MakeParser, existing_file, positive

from . import stacks, versions
from .stacks import NoStack, Stack

OUR_JOB = "processing.maze:solve"
SECONDS = 900
"""To wait for the results. S3 says that its events take "around five minutes" to begin (S3 guide,
enable-event-notifications-eventbridge), a task starts within a minute or two, and CloudTrail's
records come within 15 minutes."""
UPLOAD_AGAIN = 60
"""Seconds after which what has no result is uploaded again."""


class DoesNotWork(Exception):
    """What is wrong with the stack."""


@dataclass(frozen=True)
class Result:
    """What became of one upload."""

    key: str
    outcome: str
    """succeeded | rejected"""
    body: bytes
    seconds: float
    """From the end of the upload until the result was seen."""
    is_manifest: bool = False
    """Whether the body names the outputs, which are several."""


def identity(reply: dict[str, Any]) -> str:
    """What a result names of the upload: its version or, where the bucket keeps none, its ETag."""
    version: str = reply.get("VersionId", "null")
    return version if version != "null" else "etag:" + reply["ETag"].strip('"')


class Smoke:
    """One check of one stack, under a folder of its own."""

    def __init__(self, stack: Stack) -> None:
        if "BucketName" not in stack.outputs:
            raise DoesNotWork(f"the stack {stack.name!r} is {stack.status} and has no bucket")
        self.stack = stack
        self.bucket = stack.outputs["BucketName"]
        self.suffix = stack.parameters["InputSuffix"]
        self.folder = f"smoke/{uuid.uuid4()}/"
        self._s3 = boto3.client("s3")
        self._bodies: dict[str, bytes] = {}
        self._versions: dict[str, dict[str, float]] = {}
        """Of each name, when each version was uploaded; the current one last."""

    def name(self, file: str) -> str:
        """The file's name, as that of an upload of this stack."""
        return file if file.endswith(self.suffix) else file + self.suffix

    def upload(self, name: str, body: bytes) -> None:
        """Put a file under the input prefix, or a new version of it."""
        key = self.stack.parameters["InputPrefix"] + self.folder + name
        reply = self._s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        self._bodies[name] = body
        self._versions.setdefault(name, {})[identity(reply)] = time.monotonic()

    def results(self, seconds: float, again: float = UPLOAD_AGAIN) -> dict[str, Result]:
        """Wait for the results for the current versions of all uploads. Raises DoesNotWork."""
        found: dict[str, Result] = {}
        began, uploads = time.monotonic(), 1
        while True:
            wanted = self._bodies.keys() - found.keys()
            found |= {name: result for name in wanted if (result := self._result(name))}
            missing = sorted(wanted - found.keys())
            if not missing:
                return found
            waited = time.monotonic() - began
            if waited > seconds:
                lost = ", ".join(missing)
                raise DoesNotWork(f"no result for {lost} within {seconds:g} s.\n{self.where()}")
            if waited > uploads * again:
                print(
                    f"  no result for {', '.join(missing)} after {waited:.0f} of {seconds:g} s: "
                    "uploading again, for S3 says that events take around five minutes to begin",
                    flush=True,
                )
                for name in missing:
                    self.upload(name, self._bodies[name])
                uploads += 1
            time.sleep(0.2)

    def _result(self, name: str) -> Result | None:
        ours = self._versions[name]
        version, uploaded = next(reversed(ours.items()))
        places = {
            "succeeded": self.stack.parameters["OutputPrefix"]
            + self.folder
            + name
            + self.stack.parameters["OutputSuffix"],
            "rejected": f"{self.stack.parameters['RejectedPrefix']}{self.folder}{name}.json",
        }
        for outcome, key in places.items():
            try:
                found = self._s3.get_object(Bucket=self.bucket, Key=key)
            except self._s3.exceptions.NoSuchKey:
                continue
            seconds = time.monotonic() - uploaded
            named = found["Metadata"].get("source-version")
            if named not in ours:
                raise DoesNotWork(f"{key} is for the version {named}, not for {version}")
            if named != version:  # of the event before; that of the current one is under way
                continue
            is_manifest = RUN in found["Metadata"]
            return Result(key, outcome, found["Body"].read(), seconds, is_manifest)
        return None

    def files(self, result: Result) -> list[str]:
        """The keys of all that a manifest names. Raises DoesNotWork for what is not there."""
        named = json.loads(result.body)["files"]
        for file in named:
            try:
                self._s3.head_object(Bucket=self.bucket, Key=file["key"], IfMatch=file["etag"])
            except ClientError as error:
                problem = f"{result.key} names {file['key']}, which is not there ({error})"
                raise DoesNotWork(problem) from error
        return [file["key"] for file in named]

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
        """Delete the uploads and the results in all their versions; gives how many."""
        prefixes = ("InputPrefix", "OutputPrefix", "RejectedPrefix", "FilesPrefix")
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
            check(smoke, chosen.input, chosen.timeout)
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
    parser.add_argument(
        "--input", type=existing_file, default=paths.SAMPLE, help="any picture of a maze"
    )
    parser.add_argument(
        "--timeout", type=positive, default=SECONDS, help="seconds to wait for the results"
    )
    parser.add_argument("--keep", action="store_true", help="leave uploads and outputs")
    return parser.parse_args(arguments)


def check(smoke: Smoke, picture: Path, seconds: float) -> None:
    """Upload, wait, look, and say what was seen. Raises DoesNotWork.

    Of a job other than ours, nobody but its owner knows what a right output is, or a broken file.
    """
    parameters, body = smoke.stack.parameters, picture.read_bytes()
    job = parameters["Command"] or parameters["Processor"]
    good = smoke.name(picture.name)
    smoke.upload(good, body)
    if job == OUR_JOB:
        smoke.upload(smoke.name("broken file.png"), b"this is no picture")
    for name, result in smoke.results(seconds).items():
        print(f"  {result.outcome} in {duration(result.seconds)}: s3://{smoke.bucket}/{result.key}")
        if result.outcome == "rejected":
            record: dict[str, Any] = json.loads(result.body)
            print(f"    {record['reason']}")
        if job == OUR_JOB:
            expect(name == good, result, body)
        else:
            if result.is_manifest:
                print(f"    it names {len(smoke.files(result))} files, and all are there")
            print(f"    not looked into: it is for {job} to say what is right")


def expect(good: bool, result: Result, body: bytes) -> None:
    """Say what is right about the result. Raises DoesNotWork."""
    if result.outcome != ("succeeded" if good else "rejected"):
        raise DoesNotWork(f"{result.key}: {result.outcome}")
    if good:
        try:
            before, after = picture.read(body).image, picture.read(result.body).image
            length = solved(before, after, LOSSY)
        except NotSolved as error:
            raise DoesNotWork(f"{result.key}: {error}") from error
        print(f"    a shortest path of {length} pixels leads from the top row to the bottom row")


if __name__ == "__main__":
    sys.exit(main())

"""Invoke the function by hand, with `sam local invoke`, in a container like Lambda's own.

It starts the embedded AWS, puts a picture where the event says that one was uploaded, hands the
event to the function, and shows what the function said and what is in the bucket then. A picture
of your own keeps its name, and the event names it.

    PYTHONPATH=worker python -m local.invoke EVENT [--input PICTURE]

Exit codes: 0 the function did its jobs, 1 it or the embedded AWS failed, 2 wrong arguments.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from processing import events
from processing.errors import BadEvent

from tooling import own_job, paths
from tooling.build import sam_environment
from tooling.commands import CommandFailed, Commands
from tooling.progress import step
from tooling.usage import MakeParser, existing_file

from .aws import REGION, EmbeddedAws, NotStarted
from .bases import LAMBDA_BASE, NoBase, lambda_base
from .executor import containers
from .pipeline import INPUT

_CONTAINER_ENDS = "LAMBDA_RUNTIME Failed to get next invocation"
"""What the runtime says when SAM ends its container after the invocation: nothing has failed."""


def main(arguments: list[str] | None = None) -> int:
    """Run it; gives the exit code."""
    parser = MakeParser("invoke", "[EVENT=events/s3-put.json] [INPUT=file]", __doc__)
    parser.add_argument("event", type=existing_file, help="in events/, or one of your own")
    parser.add_argument("--input", type=existing_file, help="the picture to upload")
    chosen = parser.parse_args(arguments)
    try:
        event = json.loads(chosen.event.read_text())
        uploads = events.from_event(event, INPUT)
        if chosen.input:
            event = named(event, INPUT + chosen.input.name)
            uploads = events.from_event(event, INPUT)
        picture = (chosen.input or paths.SAMPLE).read_bytes()
    except (OSError, ValueError, BadEvent) as error:
        parser.error(f"{chosen.event}: {error}")
    try:
        with step("finding an image to run functions in"):
            image = lambda_base()
        with step("starting the embedded AWS"):
            aws = EmbeddedAws(containers(function_image=image), job=own_job.folder(os.environ))
            aws.start()
        try:
            for upload in uploads:
                put(aws, upload.bucket, upload.key, picture)
            with step("sam local invoke"), tempfile.NamedTemporaryFile("w") as file:
                json.dump(event, file)
                file.flush()
                said = invoke(aws, Path(file.name), image)
            print("\n".join(line for line in said.splitlines() if _CONTAINER_ENDS not in line))
            for bucket in dict.fromkeys(upload.bucket for upload in uploads):
                listed = aws.client("s3").list_objects_v2(Bucket=bucket)
                for item in listed.get("Contents", []):
                    print(f"s3://{bucket}/{item['Key']}  {item['Size']} bytes")
        finally:
            aws.stop()
    except (CommandFailed, NoBase, NotStarted, own_job.NoFolder) as error:
        print(f"\nfailed: {error}", file=sys.stderr)
        return 1
    return 1 if failed(said) else 0


def named(event: dict[str, Any], key: str) -> dict[str, Any]:
    """The event, about this key. A notification encodes it, the other events do not."""
    event = copy.deepcopy(event)
    for record in event.get("Records", []):
        record["s3"]["object"]["key"] = quote_plus(key, safe="/")
    with contextlib.suppress(KeyError):
        event["detail"]["object"]["key"] = key
    with contextlib.suppress(KeyError):
        event["detail"]["requestParameters"]["key"] = key
    return event


def put(aws: EmbeddedAws, bucket: str, key: str, body: bytes) -> str:
    """Upload to a bucket that keeps versions, made here if need be; gives the upload's version."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])


def invoke(aws: EmbeddedAws, event: Path, image: str) -> str:
    """Hand an event to the function; gives what the function said. Raises CommandFailed."""
    with sam_local(aws, image) as (options, environment):
        command = [str(paths.SAM), "local", "invoke", "ProcessFunction", f"--event={event}"]
        return Commands().run([*command, *options], environment, paths.ROOT).strip()


@contextlib.contextmanager
def sam_local(aws: EmbeddedAws, image: str) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The options and the environment of a command of `sam local`."""
    options = [f"--template-file={aws.layer.parent / 'template.yaml'}", f"--region={REGION}"]
    options += ["--add-host", "host.docker.internal:host-gateway"]
    options += ["--skip-pull-image"]  # whoever found the image has pulled it
    if image != LAMBDA_BASE:
        options += [f"--invoke-image={image}"]
    environment = sam_environment(
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_ENDPOINT_URL=aws.endpoint,  # SAM asks who it is; without a response it waits for long
    )
    address = aws.executor.address_for_jobs(aws.endpoint)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as variables:
        settings = own_job.variables(os.environ) | {"AWS_ENDPOINT_URL_S3": address}
        json.dump({"Parameters": settings}, variables)
        variables.flush()
        yield [*options, f"--env-vars={variables.name}"], environment


def failed(said: str) -> bool:
    """Whether the function raised: `sam local invoke` ends with 0 all the same."""
    return '"errorMessage"' in said


if __name__ == "__main__":
    sys.exit(main())

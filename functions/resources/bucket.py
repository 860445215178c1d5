"""A bucket that exists and that somebody brings: looked at, and made to send its events.

The stack owns nothing of it. Its notifications are one configuration, which S3 replaces as a whole
and on no condition: so what is there is read, put back with EventBridge added, and read again. Who
writes between the reading and the putting loses what they wrote (docs/ARCHITECTURE.md). Nothing is
put where EventBridge is on, and nothing taken away when the stack goes: others may use it by now.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

TRIES = 5
PAUSE_SECONDS = 4
"""After a refusal: until IAM knows the role's new policy everywhere. After a change of the
notifications: until S3 shows it."""
ELSEWHERE = "or replicate its uploads to a bucket that is here (docs/BUCKET.md)"

Json = dict[str, Any]


class NoBucket(Exception):
    """The bucket can't be used."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}. What helps: {remedy}")
        self.what, self.remedy = what, remedy


class Refused(NoBucket):
    """S3 refuses a call."""


@dataclass(frozen=True)
class Bucket:
    """A bucket, and who looks at it from where."""

    name: str
    account: str
    region: str
    who: str
    """The role, or the person, that would have to be let in."""

    def check(self) -> None:
        """Whether it exists, here and in this account. Raises NoBucket, Refused."""
        s3 = boto3.client("s3")
        try:
            reply: Json = s3.head_bucket(Bucket=self.name)
        except ClientError as error:
            reply = error.response
        status = reply["ResponseMetadata"]["HTTPStatusCode"]
        region = reply["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", self.region)
        if status == 404:
            raise NoBucket(
                f"there is no bucket {self.name}",
                f"make it (aws s3 mb s3://{self.name} --region {self.region}), or deploy with "
                "BucketName empty: the stack then has a bucket of its own",
            )
        if region != self.region:
            raise NoBucket(
                f"the bucket {self.name} is in {region}, and the stack in {self.region}",
                f"deploy the stack in {region}, {ELSEWHERE}",
            )
        if status != 200:
            raise Refused(
                f"S3 refuses (HTTP {status}) s3:ListBucket on the bucket {self.name} to {self.who}",
                f"if the bucket is another account's: deploy the stack there, {ELSEWHERE}. If it "
                f"is of this account ({self.account}): let {self.who} in, whom the bucket's "
                "policy, a permissions boundary or a policy of the organization keeps out",
            )
        try:
            s3.head_bucket(Bucket=self.name, ExpectedBucketOwner=self.account)
        except ClientError as error:
            raise NoBucket(
                f"the bucket {self.name} belongs to another account than {self.account}",
                f"deploy the stack there, {ELSEWHERE}",
            ) from error

    def call(self, method: str, action: str, **parameters: object) -> Json:
        """A call about the bucket that needs this action. Raises Refused."""
        try:
            reply: Json = getattr(boto3.client("s3"), method)(
                Bucket=self.name, ExpectedBucketOwner=self.account, **parameters
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("403", "AccessDenied"):
                raise
            raise Refused(
                f"S3 refuses {action} on the bucket {self.name} to {self.who}: {error}",
                f"let {self.who} do it: the bucket's policy, a permissions boundary or a policy of "
                "the organization keeps it out",
            ) from error
        return {name: value for name, value in reply.items() if name != "ResponseMetadata"}

    def versioning(self) -> str:
        """Enabled | Suspended | none."""
        found = self.call("get_bucket_versioning", "s3:GetBucketVersioning")
        return str(found.get("Status", "none"))

    def send_events(self) -> None:
        """Turn EventBridge on, and leave all else as it is. Raises NoBucket, Refused."""
        for _ in range(TRIES):
            found = self.call("get_bucket_notification_configuration", "s3:GetBucketNotification")
            if "EventBridgeConfiguration" in found:
                return
            try:
                self.call(
                    "put_bucket_notification_configuration",
                    "s3:PutBucketNotification",
                    NotificationConfiguration={**found, "EventBridgeConfiguration": {}},
                    # Of those that are there: what is gone meanwhile is not ours to find.
                    SkipDestinationValidation=True,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "OperationAborted":  # another one's, just now
                    raise
            time.sleep(PAUSE_SECONDS)
        raise NoBucket(
            f"the notifications of the bucket {self.name} do not keep EventBridge on: somebody "
            "else changes them at the same time",
            "deploy again, or turn EventBridge on where they are made",
        )


def make(request: Json, _response: object, _context: object) -> Json:
    """Check the bucket and turn its events on; gives its versioning. Raises NoBucket."""
    wanted = request["ResourceProperties"]
    _, _, _, region, account, stack = request["StackId"].split(":", 5)
    if wanted["Bucket"] == f"uploads-{stack.rpartition('/')[2]}":
        raise NoBucket(
            f"{wanted['Bucket']} is the stack's own bucket", "deploy with BucketName empty"
        )
    bucket = Bucket(wanted["Bucket"], account, region, f"the role {wanted['Role']}")
    for tries in range(1, TRIES + 1):
        try:
            bucket.check()
            versioning = bucket.versioning()
            if wanted["Events"] == "yes":
                bucket.send_events()
            return {"Versioning": versioning}
        except Refused:
            if tries == TRIES:
                raise
            time.sleep(PAUSE_SECONDS)
    raise AssertionError

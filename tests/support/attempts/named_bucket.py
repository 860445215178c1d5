"""A bucket that somebody brings: what roles do there, and what stays with the stack's own."""

from __future__ import annotations

from tests.support.attempts.attempt import ADMINISTRATOR, Attempt
from tests.support.attempts.roles import JOB, NOT_FOR_A_JOB

STACK = "brings"
NAMED = "arn:{Partition}:s3:::somebodys-bucket"
_RULE = {"aws:SourceArn": "{SmallUploadRule}"}
_BUCKET = {"aws:SourceArn": NAMED, "aws:SourceAccount": "{Account}"}


def named_bucket() -> list[Attempt]:
    """In the bucket that somebody brings, beside the stack's own."""
    notes, theirs = "notes are in the stack's own bucket", "it is somebody else's"
    jobs = ("ProcessFunctionRole", "TaskRole", "SweepFunctionRole")
    there = [
        (action, on.replace("{DataBucket}", NAMED)) for action, on in JOB if ".sweep" not in on
    ]
    not_there = {
        (action, on.replace("{DataBucket}", NAMED), why)
        for action, on, why in NOT_FOR_A_JOB
        if "{DataBucket}" in on
    }
    made = "ResourcesFunctionRole"
    read = ("s3:ListBucket", "s3:GetBucketVersioning", "s3:GetBucketNotification")
    invoke, process = "lambda:InvokeFunction", "{ProcessFunction}"
    return [
        *(Attempt(role, action, on, True, "", STACK) for role in jobs for action, on in there),
        # What was under way when the bucket was brought.
        *(Attempt(role, action, on, True, "", STACK) for role in jobs for action, on in JOB),
        *(
            Attempt(role, action, on, False, why, STACK)
            for role in jobs
            for action, on, why in sorted(not_there)
        ),
        *(
            Attempt(role, "s3:PutObject", f"{NAMED}/.sweep/reports/a", False, notes, STACK)
            for role in (*jobs, "FailureFunctionRole")
        ),
        Attempt("SweepFunctionRole", "s3:PutObject", f"{NAMED}/.sweep/state", False, notes, STACK),
        Attempt("SweepFunctionRole", "s3:PutObject", "{DataBucket}/.sweep/state", True, "", STACK),
        Attempt("FailureFunctionRole", "s3:ListBucket", NAMED, False, notes, STACK),
        *(Attempt(made, action, NAMED, True, "", STACK) for action in read),
        Attempt(made, "s3:PutBucketNotification", NAMED, True, "", STACK),
        *(
            Attempt(made, action, on, False, theirs, STACK)
            for action, on in (
                ("s3:PutBucketVersioning", NAMED),
                ("s3:PutLifecycleConfiguration", NAMED),
                ("s3:PutBucketPolicy", NAMED),
                ("s3:DeleteBucket", NAMED),
                ("s3:GetObject", f"{NAMED}/input/a"),
                ("s3:PutBucketNotification", "{OtherBucket}"),
                ("s3:PutBucketNotification", "{DataBucket}"),
            )
        ),
        Attempt("events.amazonaws.com", invoke, process, True, "", STACK, _RULE),
        Attempt("s3.amazonaws.com", invoke, process, False, "rules invoke it", STACK, _BUCKET),
        *(
            Attempt("TaskRole", action, on, True, "", STACK, via="S3GatewayEndpoint")
            for action, on in [*there, *JOB]
        ),
        Attempt(ADMINISTRATOR, "s3:PutObject", f"{NAMED}/a", False, "only the task's own role",
                STACK, via="S3GatewayEndpoint"),
    ]  # fmt: skip

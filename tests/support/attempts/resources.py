"""What the resources' own policies and the roles' trust let in."""

from __future__ import annotations

from tests.support.attempts.attempt import ADMINISTRATOR, STRANGER, Attempt

_ACCOUNT, _OTHER_ACCOUNT = "{Account}", "999999999999"
_UPLOAD_RULE = {"aws:SourceArn": "{UploadRule}", "aws:SourceAccount": _ACCOUNT}
_OTHER_RULE = {"aws:SourceArn": "{OtherRule}", "aws:SourceAccount": _ACCOUNT}
_TASKS = {"aws:SourceArn": "{Cluster}", "aws:SourceAccount": _ACCOUNT}
_OTHER_TASKS = {
    "aws:SourceArn": "arn:{Partition}:ecs:{Region}:999999999999:cluster/c",
    "aws:SourceAccount": _OTHER_ACCOUNT,
}
_CONFUSED = "a deputy of another account would be taken for ours"


def trust() -> list[Attempt]:
    """Who may take on a role: one service, and it for this stack or account only."""
    function_roles = [
        "ProcessFunctionRole", "SweepFunctionRole", "FailureFunctionRole", "LaunchFunctionRole",
        "ResourcesFunctionRole",
    ]  # fmt: skip
    take = "sts:AssumeRole"
    rule, tasks = "{UploadRuleRole}", "ecs-tasks.amazonaws.com"
    return [
        *(Attempt("lambda.amazonaws.com", take, f"{{{role}}}", True) for role in function_roles),
        *(
            Attempt(ADMINISTRATOR, take, f"{{{role}}}", False, "a role is for its service")
            for role in (*function_roles, "TaskRole", "ExecutionRole", "ImageBuildRole")
        ),
        Attempt(STRANGER, take, "{TaskRole}", False, "nobody from outside"),
        Attempt("ec2.amazonaws.com", take, "{TaskRole}", False, "tasks only"),
        *(
            attempt
            for role in ("{TaskRole}", "{ExecutionRole}")
            for attempt in (
                Attempt(tasks, take, role, True, given=_TASKS),
                Attempt(tasks, take, role, False, _CONFUSED, given=_OTHER_TASKS),
            )
        ),
        # Whether ECS names a source when it takes on this one is not documented.
        Attempt(tasks, take, "{ExecutionRole}", True, given={"aws:SourceAccount": _ACCOUNT}),
        Attempt("codebuild.amazonaws.com", take, "{ImageBuildRole}", True,
                given={"aws:SourceAccount": _ACCOUNT}),
        Attempt("codebuild.amazonaws.com", take, "{ImageBuildRole}", False, _CONFUSED,
                given={"aws:SourceAccount": _OTHER_ACCOUNT}),
        Attempt("events.amazonaws.com", take, rule, True, "", "fargate", _UPLOAD_RULE),
        Attempt("events.amazonaws.com", take, rule, False, "one rule", "fargate", _OTHER_RULE),
    ]  # fmt: skip


def queues() -> list[Attempt]:
    """Who writes to queues, whatever their own policies allow, and how."""
    send, plain = "sqs:SendMessage", {"aws:SecureTransport": "false"}
    return [
        *(
            Attempt(ADMINISTRATOR, send, f"{{{queue}}}", False, "only what failed reports")
            for queue in ("FailureQueue", "RawFailureQueue", "LaunchQueue")
        ),
        *(
            Attempt(ADMINISTRATOR, "sqs:ReceiveMessage", f"{{{queue}}}", False, "TLS only",
                    given=plain)
            for queue in ("FailureQueue", "RawFailureQueue", "LaunchQueue")
        ),
        Attempt(ADMINISTRATOR, "sqs:ReceiveMessage", "{FailureQueue}", True),
        Attempt(STRANGER, "sqs:ReceiveMessage", "{FailureQueue}", False, "nobody from outside"),
        Attempt("events.amazonaws.com", send, "{LaunchQueue}", True, given=_UPLOAD_RULE),
        Attempt("events.amazonaws.com", send, "{LaunchQueue}", False, "one rule",
                given=_OTHER_RULE),
        *(
            Attempt("events.amazonaws.com", send, "{RawFailureQueue}", True,
                    given={"aws:SourceArn": f"{{{rule}}}"})
            for rule in ("UploadRule", "SmallUploadRule", "TaskFailureRule", "SweepRule")
        ),
        Attempt("events.amazonaws.com", send, "{RawFailureQueue}", False, "our rules only",
                given=_OTHER_RULE),
        Attempt("events.amazonaws.com", send, "{FailureQueue}", False, "raw failures come first",
                given=_UPLOAD_RULE),
        Attempt("s3.amazonaws.com", send, "{RawFailureQueue}", False, "S3 reports nothing",
                given={"aws:SourceArn": "{DataBucket}"}),
    ]  # fmt: skip


_ALARM = "arn:{Partition}:cloudwatch:{Region}:{Account}:alarm:mazes-UploadsFailAlarm-1"
"""One of the synthesized stack, whose name is mazes."""


def alarm_topic() -> list[Attempt]:
    """Who tells people: this stack's alarms, and nobody else, whatever their policies allow."""
    publish, on, stack = "sns:Publish", "{AlarmTopic}", "lambda"
    ours = {"aws:SourceArn": _ALARM, "aws:SourceAccount": _ACCOUNT}
    others = {**ours, "aws:SourceArn": _ALARM.replace("mazes-", "others-")}
    taken = {
        "aws:SourceArn": _ALARM.replace("{Account}", _OTHER_ACCOUNT),
        "aws:SourceAccount": _OTHER_ACCOUNT,
    }
    plain = {**ours, "aws:SecureTransport": "false"}
    service, cry = "cloudwatch.amazonaws.com", "people stop to believe what anyone may say"
    return [
        Attempt(service, publish, on, True, "", stack, ours),
        Attempt(service, publish, on, False, "one stack's alarms", stack, others),
        Attempt(service, publish, on, False, _CONFUSED, stack, taken),
        Attempt(service, publish, on, False, "TLS only", stack, plain),
        Attempt("events.amazonaws.com", publish, on, False, cry, stack, _OTHER_RULE),
        Attempt(
            "s3.amazonaws.com", publish, on, False, cry, stack, {"aws:SourceAccount": _ACCOUNT}
        ),
        *(
            Attempt(by, publish, on, False, cry, stack)
            for by in (ADMINISTRATOR, STRANGER, "ProcessFunctionRole", "FailureFunctionRole")
        ),
    ]


def result_topic() -> list[Attempt]:
    """Who tells applications: two rules, whether EventBridge names them to a topic or not."""
    publish, on, stack, service = (
        "sns:Publish",
        "{ResultMessages}",
        "lambda",
        "events.amazonaws.com",
    )
    plain, invented = {"aws:SecureTransport": "false"}, "applications would believe it"
    taken = {
        "aws:SourceArn": "arn:{Partition}:events:{Region}:999999999999:rule/r",
        "aws:SourceAccount": _OTHER_ACCOUNT,
    }
    return [
        *(
            Attempt(service, publish, on, True, "", stack,
                    {"aws:SourceArn": f"{{{rule}}}", "aws:SourceAccount": _ACCOUNT})
            for rule in ("OutputRule", "RejectionRule")
        ),
        Attempt(service, publish, on, True, "", stack),
        Attempt(service, publish, on, False, "TLS only", stack, plain),
        Attempt(service, publish, on, False, "two rules", stack, _OTHER_RULE),
        Attempt(service, publish, on, False, _CONFUSED, stack, taken),
        *(
            Attempt(by, publish, on, False, invented, stack)
            for by in (
                ADMINISTRATOR, STRANGER, "s3.amazonaws.com", "cloudwatch.amazonaws.com",
                "ProcessFunctionRole", "FailureFunctionRole",
            )
        ),
        Attempt(ADMINISTRATOR, "sns:Subscribe", on, True, "", stack),
        Attempt(STRANGER, "sns:Subscribe", on, False, "nobody from outside", stack),
        *(
            Attempt(service, "sqs:SendMessage", "{RawFailureQueue}", True, "", stack,
                    {"aws:SourceArn": f"{{{rule}}}"})
            for rule in ("OutputRule", "RejectionRule")
        ),
    ]  # fmt: skip


def buckets() -> list[Attempt]:
    """Buckets: TLS, nobody from outside, and one trail."""
    plain = {"aws:SecureTransport": "false"}
    own = {"aws:SourceArn": "arn:{Partition}:cloudtrail:{Region}:{Account}:trail/{BucketName}"}
    other = {"aws:SourceArn": "arn:{Partition}:cloudtrail:{Region}:999999999999:trail/t"}
    acl = {"s3:x-amz-acl": "bucket-owner-full-control"}
    put, trail = "s3:PutObject", "cloudtrail.amazonaws.com"
    records = "{TrailBucket}/AWSLogs/{Account}/a.json.gz"
    return [
        Attempt(ADMINISTRATOR, put, "{DataBucket}/input/a.png", True),
        Attempt(ADMINISTRATOR, put, "{DataBucket}/input/a.png", False, "TLS only", given=plain),
        Attempt(ADMINISTRATOR, "s3:ListBucket", "{DataBucket}", False, "TLS only", given=plain),
        Attempt("TaskRole", "s3:GetObject", "{DataBucket}/input/a.png", False, "TLS only",
                given=plain),
        Attempt(STRANGER, put, "{DataBucket}/input/a.png", False, "nobody from outside"),
        Attempt(STRANGER, "s3:GetObject", "{DataBucket}/output/a.png", False, "nor reads"),
        Attempt(trail, put, records, True, "", "cloudtrail", own | acl),
        Attempt(trail, put, records, False, _CONFUSED, "cloudtrail", other | acl),
        Attempt(trail, put, records, False, "records are the owner's", "cloudtrail", own),
        Attempt(trail, put, "{TrailBucket}/a", False, "its own folder", "cloudtrail", own | acl),
        Attempt(trail, "s3:GetBucketAcl", "{TrailBucket}", True, "", "cloudtrail", own),
        Attempt(trail, "s3:GetBucketAcl", "{TrailBucket}", False, _CONFUSED, "cloudtrail", other),
        Attempt(ADMINISTRATOR, "s3:GetObject", records, False, "TLS only", "cloudtrail", plain),
        Attempt("TaskRole", "s3:GetObject", records, False, "records name files", "cloudtrail"),
    ]  # fmt: skip


def functions() -> list[Attempt]:
    """Which services invoke functions, and for whom."""
    invoke, process, sweep = "lambda:InvokeFunction", "{ProcessFunction}", "{SweepFunction}"
    ours = {"aws:SourceArn": "{DataBucket}", "aws:SourceAccount": _ACCOUNT}
    taken = {"aws:SourceArn": "{DataBucket}", "aws:SourceAccount": _OTHER_ACCOUNT}
    other = {"aws:SourceArn": "{OtherBucket}", "aws:SourceAccount": _ACCOUNT}
    small, upload = {"aws:SourceArn": "{SmallUploadRule}"}, {"aws:SourceArn": "{UploadRule}"}
    schedule = {"aws:SourceArn": "{SweepRule}"}
    s3, rule = "s3.amazonaws.com", "events.amazonaws.com"
    return [
        Attempt(s3, invoke, process, True, "", "lambda", ours),
        Attempt(s3, invoke, process, False, "a bucket's name can change hands", "lambda", taken),
        Attempt(s3, invoke, process, False, "one bucket", "lambda", other),
        Attempt(s3, invoke, process, False, "with hybrid, rules invoke it", given=ours),
        Attempt(rule, invoke, process, True, given=small),
        Attempt(rule, invoke, process, False, "large files are for tasks", given=upload),
        Attempt(rule, invoke, process, False, "one rule", given=_OTHER_RULE),
        Attempt(rule, invoke, sweep, True, given=schedule),
        Attempt(rule, invoke, sweep, False, "one rule", given=_OTHER_RULE),
        Attempt(STRANGER, invoke, process, False, "nobody from outside"),
        Attempt(STRANGER, invoke, sweep, False, "nobody from outside"),
    ]

"""What each role needs and what it must not get: one table, judged twice.

`tests/local/test_attempts.py` makes each call on the embedded AWS, with its IAM enforcement, and
`tests/template/test_attempts.py` evaluates it over the synthesized template's own policies.
What the first can't judge (services as callers, endpoints, conditions that a client can't set) is
judged by the second alone.

A resource is the ARN of `{LogicalId}` and what follows, or of something in the same account that
is not the stack's (`tests/support/arns.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

STACKS: dict[str, dict[str, str]] = {
    # Between them, these two have every role, in each of its forms.
    "hybrid": {"Mode": "hybrid", "WorkerImageUri": "", "MaxTasks": "5"},
    "fargate": {"Mode": "fargate", "WorkerImageUri": "registry.example/worker:1"},
    "lambda": {"Mode": "lambda", "AlarmEmail": "operator@example.com"},
    "cloudtrail": {
        "Mode": "fargate",
        "EventSource": "cloudtrail",
        "WorkerImageUri": "registry.example/worker:1",
    },
}
DEPLOYED = ("hybrid", "fargate")
"""On the embedded AWS."""

ADMINISTRATOR = "an administrator of the account"
STRANGER = "an administrator of another account"


@dataclass(frozen=True)
class Attempt:
    """One call, and whether it must succeed."""

    by: str
    """Logical id of a role, name of a service, ADMINISTRATOR or STRANGER."""
    action: str
    on: str
    allowed: bool
    why: str = ""
    stack: str = "hybrid"
    given: Mapping[str, str] = field(default_factory=dict)
    """Condition keys of the request; values may name resources as `on` does."""
    via: str = ""
    """Logical id of the endpoint that the call goes through."""

    @property
    def can_be_made(self) -> bool:
        """Whether a client on the embedded AWS can make the call."""
        return (
            self.by.endswith("Role")
            and self.stack in DEPLOYED
            and not self.via
            and self.action != "iam:PassRole"  # part of RunTask
            and self.given.keys() <= {"ecs:cluster"}
        )

    def __str__(self) -> str:
        verb = "may" if self.allowed else "must not"
        way = f" via {self.via}" if self.via else ""
        given = "".join(f" [{key}={value}]" for key, value in self.given.items())
        return f"{self.stack}: {self.by} {verb} {self.action} {self.on}{way}{given}"


JOB = [
    ("s3:ListBucket", "{DataBucket}"),
    ("s3:ListBucketVersions", "{DataBucket}"),
    ("s3:GetObject", "{DataBucket}/input/a.png"),
    ("s3:GetObject", "{DataBucket}/output/a.png"),
    ("s3:GetObject", "{DataBucket}/rejected/a.png.json"),
    ("s3:PutObject", "{DataBucket}/output/a.png"),
    ("s3:PutObject", "{DataBucket}/rejected/a.png.json"),
    ("s3:DeleteObject", "{DataBucket}/output/a.png"),
    ("s3:DeleteObject", "{DataBucket}/rejected/a.png.json"),
]
LOG = [
    ("logs:CreateLogStream", "{JobLogGroup}:log-stream:attempts"),
    ("logs:PutLogEvents", "{JobLogGroup}:log-stream:attempts"),
]
NOT_FOR_A_JOB = [
    ("s3:PutObject", "{DataBucket}/input/planted.png", "a job would start another"),
    ("s3:PutObject", "{DataBucket}/planted.png", "a job writes results and nothing else"),
    ("s3:DeleteObject", "{DataBucket}/input/a.png", "an upload belongs to whoever uploaded it"),
    ("s3:DeleteObjectVersion", "{DataBucket}/input/a.png", "versions are the uploader's, too"),
    ("s3:DeleteObjectVersion", "{DataBucket}/output/a.png", "nor does it delete history"),
    ("s3:GetObject", "{OtherBucket}/a.png", "other buckets are none of its business"),
    ("s3:PutObject", "{OtherBucket}/a.png", "stolen files would go there"),
    ("s3:ListBucket", "{OtherBucket}", "other buckets are none of its business"),
    ("s3:PutBucketPolicy", "{DataBucket}", "it would let others in"),
    ("s3:PutBucketNotification", "{DataBucket}", "it would take the uploads from the pipeline"),
    ("sts:AssumeRole", "{OtherRole}", "nobody's rights but its own"),
    ("iam:PutRolePolicy", "{TaskRole}", "it would give itself any right"),
    ("ecs:RegisterTaskDefinition", "*", "it would run any program"),
    ("events:PutRule", "{OtherRule}", "it would start things by itself"),
    ("lambda:UpdateFunctionCode", "{SweepFunction}", "it would be another program"),
]
_ROLE_OF_ECS = (
    "arn:{Partition}:iam::{Account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
)
NEEDED: dict[tuple[str, str], list[tuple[str, str]]] = {
    ("hybrid", "TaskRole"): JOB,
    ("hybrid", "ProcessFunctionRole"): [*JOB, *LOG, ("sqs:SendMessage", "{RawFailureQueue}")],
    ("hybrid", "SweepFunctionRole"): [
        *JOB,
        *LOG,
        ("s3:GetObject", "{DataBucket}/.sweep/state.json"),
        ("s3:PutObject", "{DataBucket}/.sweep/state.json"),
        ("sqs:SendMessage", "{RawFailureQueue}"),
        ("lambda:InvokeFunction", "{ProcessFunction}"),
        ("sqs:SendMessage", "{LaunchQueue}"),
        ("sqs:GetQueueAttributes", "{LaunchQueue}"),
    ],
    ("hybrid", "LaunchFunctionRole"): [
        *LOG,
        ("sqs:ReceiveMessage", "{LaunchQueue}"),
        ("sqs:DeleteMessage", "{LaunchQueue}"),
        ("sqs:GetQueueAttributes", "{LaunchQueue}"),
        ("sqs:ChangeMessageVisibility", "{LaunchQueue}"),
        ("sqs:SendMessage", "{RawFailureQueue}"),
        ("s3:ListBucket", "{DataBucket}"),
        ("s3:PutObject", "{DataBucket}/.sweep/turn"),
        ("s3:GetObject", "{DataBucket}/.sweep/turn"),
    ],
    ("hybrid", "FailureFunctionRole"): [
        *LOG,
        ("logs:GetLogEvents", "{JobLogGroup}:log-stream:attempts"),
        ("sqs:ReceiveMessage", "{RawFailureQueue}"),
        ("sqs:DeleteMessage", "{RawFailureQueue}"),
        ("sqs:GetQueueAttributes", "{RawFailureQueue}"),
        ("sqs:SendMessage", "{FailureQueue}"),
        ("s3:ListBucket", "{DataBucket}"),
        ("s3:PutObject", "{DataBucket}/.sweep/failures/a"),
        ("s3:GetObject", "{DataBucket}/.sweep/failures/a"),
        ("lambda:InvokeFunction", "{SweepFunction}"),
    ],
    ("hybrid", "ExecutionRole"): [
        *LOG,
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr:BatchCheckLayerAvailability", "{Repository}"),
        ("ecr:BatchGetImage", "{Repository}"),
        ("ecr:GetDownloadUrlForLayer", "{Repository}"),
    ],
    ("hybrid", "ResourcesFunctionRole"): [
        ("iam:GetRole", _ROLE_OF_ECS),
        ("codebuild:StartBuild", "{ImageBuild}"),
        ("ecr:DescribeImages", "{Repository}"),
        ("logs:CreateLogStream", "{ResourcesLogGroup}:log-stream:attempts"),
        ("logs:PutLogEvents", "{ResourcesLogGroup}:log-stream:attempts"),
    ],
    ("hybrid", "ImageBuildRole"): [
        ("lambda:GetLayerVersion", "{ProcessingLayer}"),
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr:BatchCheckLayerAvailability", "{Repository}"),
        ("ecr:BatchGetImage", "{Repository}"),
        ("ecr:CompleteLayerUpload", "{Repository}"),
        ("ecr:GetDownloadUrlForLayer", "{Repository}"),
        ("ecr:InitiateLayerUpload", "{Repository}"),
        ("ecr:PutImage", "{Repository}"),
        ("ecr:UploadLayerPart", "{Repository}"),
        ("logs:CreateLogStream", "{ResourcesLogGroup}:log-stream:attempts"),
        ("logs:PutLogEvents", "{ResourcesLogGroup}:log-stream:attempts"),
    ],
}
REFUSED: dict[tuple[str, str], list[tuple[str, str, str]]] = {
    ("hybrid", "TaskRole"): [
        *NOT_FOR_A_JOB,
        ("s3:GetObject", "{DataBucket}/.sweep/state.json", "the notes are the sweep's"),
        ("s3:PutObject", "{DataBucket}/.sweep/state.json", "the notes are the sweep's"),
        ("logs:PutLogEvents", "{JobLogGroup}:log-stream:attempts", "ECS logs for it"),
        ("sqs:SendMessage", "{FailureQueue}", "ECS says how it ended"),
        ("sqs:ReceiveMessage", "{FailureQueue}", "failures are for people"),
        ("lambda:InvokeFunction", "{ProcessFunction}", "a job starts nothing"),
        ("ecs:RunTask", "{TaskDefinition}", "a job starts nothing"),
        ("sts:AssumeRole", "{SweepFunctionRole}", "nobody's rights but its own"),
    ],
    ("hybrid", "ProcessFunctionRole"): [
        *NOT_FOR_A_JOB,
        ("s3:PutObject", "{DataBucket}/.sweep/state.json", "the notes are the sweep's"),
        ("sqs:SendMessage", "{FailureQueue}", "raw failures are what it reports"),
        ("sqs:ReceiveMessage", "{RawFailureQueue}", "it reports and doesn't read"),
        ("sqs:SendMessage", "{LaunchQueue}", "it would start tasks past the sweep"),
        ("sqs:SendMessage", "{OtherQueue}", "stolen files would go there"),
        ("logs:PutLogEvents", "{OtherLogGroup}:log-stream:s", "it would forge others' logs"),
        ("logs:GetLogEvents", "{JobLogGroup}:log-stream:attempts", "it need not read logs"),
        ("ecs:RunTask", "{TaskDefinition}", "a job starts nothing"),
    ],
    ("hybrid", "SweepFunctionRole"): [
        *NOT_FOR_A_JOB,
        ("sqs:SendMessage", "{FailureQueue}", "raw failures are what it reports"),
        ("sqs:ReceiveMessage", "{LaunchQueue}", "the launches are another function's"),
        ("sqs:PurgeQueue", "{LaunchQueue}", "uploads would be lost"),
        ("ecs:RunTask", "{TaskDefinition}", "the concurrency limit would not count it"),
        ("ecs:RunTask", "{OtherTaskDefinition}", "it would run any program"),
        ("lambda:InvokeFunction", "{FailureFunction}", "it has no business with failures"),
        ("lambda:InvokeFunction", "{OtherFunction}", "it starts jobs and nothing else"),
    ],
    ("hybrid", "LaunchFunctionRole"): [
        ("s3:GetObject", "{DataBucket}/input/a.png", "it starts tasks and reads no file"),
        ("s3:PutObject", "{DataBucket}/input/a.png", "it starts tasks and writes no file"),
        ("s3:PutObject", "{DataBucket}/.sweep/state", "the sweep's own notes"),
        ("sqs:SendMessage", "{LaunchQueue}", "it would go round in circles"),
        ("sqs:ReceiveMessage", "{RawFailureQueue}", "it reports and doesn't read"),
        ("sqs:PurgeQueue", "{LaunchQueue}", "uploads would be lost"),
        ("ecs:StopTask", "{OtherTask}", "it starts tasks and ends none"),
        ("lambda:InvokeFunction", "{ProcessFunction}", "it starts tasks and nothing else"),
        ("iam:PutRolePolicy", "{LaunchFunctionRole}", "it would give itself any right"),
    ],
    ("hybrid", "FailureFunctionRole"): [
        ("s3:GetObject", "{DataBucket}/input/a.png", "it reports failures and reads no file"),
        ("s3:PutObject", "{DataBucket}/input/a.png", "it would start jobs"),
        ("s3:PutObject", "{DataBucket}/output/a.png", "it gives no results"),
        ("s3:DeleteObject", "{DataBucket}/.sweep/failures/a", "notes expire by themselves"),
        ("s3:PutObject", "{DataBucket}/.sweep/state.json", "the sweep's own notes"),
        ("sqs:ReceiveMessage", "{FailureQueue}", "failures are for people"),
        ("sqs:DeleteMessage", "{FailureQueue}", "failures are for people"),
        ("sqs:SendMessage", "{RawFailureQueue}", "it would go round in circles"),
        ("lambda:InvokeFunction", "{ProcessFunction}", "only the sweep starts jobs"),
        ("ecs:RunTask", "{TaskDefinition}", "only the sweep starts jobs"),
        ("logs:DeleteLogGroup", "{JobLogGroup}", "logs are evidence"),
    ],
    ("hybrid", "ExecutionRole"): [
        ("s3:GetObject", "{DataBucket}/input/a.png", "it fetches images, not files"),
        ("s3:PutObject", "{DataBucket}/output/a.png", "it fetches images, not files"),
        ("ecr:PutImage", "{Repository}", "it would change what runs"),
        ("ecr:BatchGetImage", "{OtherRepository}", "one image is all that runs"),
        ("logs:PutLogEvents", "{ResourcesLogGroup}:log-stream:s", "the build's log is another"),
        ("logs:GetLogEvents", "{JobLogGroup}:log-stream:attempts", "it need not read logs"),
        ("ecs:RunTask", "{TaskDefinition}", "it serves tasks and starts none"),
    ],
    ("hybrid", "ResourcesFunctionRole"): [
        ("iam:GetRole", "{OtherRole}", "one role is all that it looks for"),
        ("iam:PutRolePolicy", "{ResourcesFunctionRole}", "it would give itself any right"),
        ("codebuild:StartBuild", "{OtherProject}", "it builds one image"),
        ("codebuild:UpdateProject", "{ImageBuild}", "it would build anything"),
        ("ecr:PutImage", "{Repository}", "the build pushes"),
        ("ecr:BatchDeleteImage", "{Repository}", "old images expire by themselves"),
        ("ecr:DescribeImages", "{OtherRepository}", "one repository is the stack's"),
        ("s3:GetObject", "{DataBucket}/input/a.png", "it has no business with files"),
        ("logs:PutLogEvents", "{JobLogGroup}:log-stream:s", "the jobs' log is another"),
        ("lambda:UpdateFunctionCode", "{ProcessFunction}", "it would change what runs"),
    ],
    ("hybrid", "ImageBuildRole"): [
        ("lambda:GetLayerVersion", "{OtherLayer}", "it fetches one layer"),
        ("ecr:PutImage", "{OtherRepository}", "it would change what others run"),
        ("ecr:BatchDeleteImage", "{Repository}", "a rollback needs old images"),
        ("s3:GetObject", "{DataBucket}/input/a.png", "what a layer imports has no such right"),
        ("s3:PutObject", "{DataBucket}/input/a.png", "what a layer imports has no such right"),
        ("ecs:RunTask", "{TaskDefinition}", "it builds and starts nothing"),
        ("sts:AssumeRole", "{TaskRole}", "nobody's rights but its own"),
        ("logs:PutLogEvents", "{JobLogGroup}:log-stream:s", "the jobs' log is another"),
        ("codebuild:StartBuild", "{ImageBuild}", "it would go round in circles"),
    ],
    ("fargate", "UploadRuleRole"): [
        ("s3:GetObject", "{DataBucket}/input/a.png", "a rule starts tasks and reads no file"),
        ("ecs:StopTask", "{OtherTask}", "it starts tasks and ends none"),
        ("ecs:RegisterTaskDefinition", "*", "it would run any program"),
        ("lambda:InvokeFunction", "{SweepFunction}", "it starts tasks and nothing else"),
        ("sqs:SendMessage", "{RawFailureQueue}", "EventBridge reports as itself"),
        ("logs:PutLogEvents", "{JobLogGroup}:log-stream:s", "it has nothing to say"),
        ("events:PutTargets", "{UploadRule}", "it would start anything"),
    ],
    ("fargate", "SweepFunctionRole"): [
        ("lambda:InvokeFunction", "{FailureFunction}", "here, a task is what it starts"),
        ("s3:PutObject", "{DataBucket}/input/a.png", "a job would start another"),
    ],
    ("fargate", "FailureFunctionRole"): [
        ("lambda:InvokeFunction", "{SweepFunction}", "only hybrid falls back"),
    ],
}

_IN_THE_CLUSTER = {"ecs:cluster": "{Cluster}"}
_ELSEWHERE = {"ecs:cluster": "{OtherCluster}"}
_TO_TASKS = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
_TO_MACHINES = {"iam:PassedToService": "ec2.amazonaws.com"}


def _launches(stack: str, role: str) -> list[Attempt]:
    """What whoever starts tasks may do: these tasks, in this cluster, with these two roles."""
    own, run, give = "{TaskDefinition}", "ecs:RunTask", "iam:PassRole"
    other, admin = "{OtherTaskDefinition}", "{OtherRole}"
    program = "it would run any program"
    return [
        Attempt(role, run, own, True, "", stack, _IN_THE_CLUSTER),
        Attempt(role, run, other, False, program, stack, _IN_THE_CLUSTER),
        Attempt(role, run, own, False, "not in the cluster of others", stack, _ELSEWHERE),
        Attempt(role, give, "{TaskRole}", True, "", stack, _TO_TASKS),
        Attempt(role, give, "{ExecutionRole}", True, "", stack, _TO_TASKS),
        Attempt(role, give, admin, False, "a task would have any right", stack, _TO_TASKS),
        Attempt(role, give, "{TaskRole}", False, "tasks only", stack, _TO_MACHINES),
    ]


def _makes_the_role_of_ecs() -> list[Attempt]:
    role, action = "ResourcesFunctionRole", "iam:CreateServiceLinkedRole"
    of_ecs = {"iam:AWSServiceName": "ecs.amazonaws.com"}
    of_another = {"iam:AWSServiceName": "spot.amazonaws.com"}
    other = _ROLE_OF_ECS.replace("ecs.amazonaws.com/AWSServiceRoleForECS", "spot.amazonaws.com/r")
    why = "a service would get rights in the account"
    return [
        Attempt(role, action, _ROLE_OF_ECS, True, given=of_ecs),
        Attempt(role, action, other, False, why, given=of_another),
        Attempt(role, action, _ROLE_OF_ECS, False, why, given=of_another),
        Attempt(role, "iam:DeleteServiceLinkedRole", _ROLE_OF_ECS, False, "others use it"),
        Attempt("TaskRole", action, _ROLE_OF_ECS, False, "a job makes no roles", given=of_ecs),
    ]


def _lists_tasks() -> list[Attempt]:
    role, action = "LaunchFunctionRole", "ecs:ListTasks"
    return [
        Attempt(role, action, "*", True, given=_IN_THE_CLUSTER),
        Attempt(role, action, "*", False, "it counts its own tasks", given=_ELSEWHERE),
        Attempt(role, "ecs:DescribeTasks", "{Task}", True),
        Attempt(role, "ecs:DescribeTasks", "{OtherTask}", False, "it looks at its own tasks"),
    ]


_ACCOUNT, _OTHER_ACCOUNT = "{Account}", "999999999999"
_UPLOAD_RULE = {"aws:SourceArn": "{UploadRule}", "aws:SourceAccount": _ACCOUNT}
_OTHER_RULE = {"aws:SourceArn": "{OtherRule}", "aws:SourceAccount": _ACCOUNT}
_TASKS = {"aws:SourceArn": "{Cluster}", "aws:SourceAccount": _ACCOUNT}
_OTHER_TASKS = {
    "aws:SourceArn": "arn:{Partition}:ecs:{Region}:999999999999:cluster/c",
    "aws:SourceAccount": _OTHER_ACCOUNT,
}
_CONFUSED = "a deputy of another account would be taken for ours"


def _trust() -> list[Attempt]:
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


def _queues() -> list[Attempt]:
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


def _topic() -> list[Attempt]:
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


def _buckets() -> list[Attempt]:
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


def _functions() -> list[Attempt]:
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


def _endpoints() -> list[Attempt]:
    """The ways out of isolated subnets, for whoever has the machine and any credentials."""
    s3, api, images, logs = (
        "S3GatewayEndpoint", "EcrApiEndpoint", "EcrImagesEndpoint", "LogsEndpoint",
    )  # fmt: skip
    group = "{JobLogGroup}:log-stream:attempts"
    layers = "arn:{Partition}:s3:::prod-{Region}-starport-layer-bucket/a"
    out, who = "stolen files would go there", "only the task's own role comes this way"
    pull = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability")
    return [
        *(Attempt("TaskRole", action, on, True, via=s3) for action, on in JOB),
        Attempt(ADMINISTRATOR, "s3:PutObject", "{OtherBucket}/a", False, out, via=s3),
        Attempt(STRANGER, "s3:PutObject", "{OtherBucket}/a", False, out, via=s3),
        Attempt(ADMINISTRATOR, "s3:PutObject", "{DataBucket}/input/a", False, who, via=s3),
        Attempt(ADMINISTRATOR, "s3:PutObject", layers, False, "read only", via=s3),
        Attempt(ADMINISTRATOR, "s3:GetObject", layers, True, via=s3),
        *(Attempt("ExecutionRole", action, "{Repository}", True, via=api) for action in pull),
        *(Attempt("ExecutionRole", action, "{Repository}", True, via=images) for action in pull),
        Attempt("ExecutionRole", "ecr:GetAuthorizationToken", "*", True, via=api),
        Attempt(ADMINISTRATOR, "ecr:PutImage", "{Repository}", False, "pull only", via=images),
        Attempt(ADMINISTRATOR, "ecr:PutImage", "{OtherRepository}", False, out, via=images),
        Attempt(ADMINISTRATOR, "ecr:CreateRepository", "*", False, "pull only", via=api),
        *(Attempt("ExecutionRole", action, on, True, via=logs) for action, on in LOG),
        Attempt(ADMINISTRATOR, "logs:PutLogEvents", group, False, who, via=logs),
        Attempt(ADMINISTRATOR, "logs:PutLogEvents", "{OtherLogGroup}:log-stream:s", False, out,
                via=logs),
        Attempt("ExecutionRole", "logs:GetLogEvents", group, False, "write only", via=logs),
    ]  # fmt: skip


ATTEMPTS = [
    *(
        Attempt(role, action, on, True, stack=stack)
        for (stack, role), needs in NEEDED.items()
        for action, on in needs
    ),
    *(
        Attempt(role, action, on, False, why, stack)
        for (stack, role), refused in REFUSED.items()
        for action, on, why in refused
    ),
    *_launches("fargate", "UploadRuleRole"),
    *_launches("fargate", "SweepFunctionRole"),
    *_launches("hybrid", "LaunchFunctionRole"),
    *_lists_tasks(),
    *_makes_the_role_of_ecs(),
    *_trust(),
    *_queues(),
    *_topic(),
    *_buckets(),
    *_functions(),
    *_endpoints(),
]

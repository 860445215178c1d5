"""The calls of the table of attempts, made with a role's own credentials."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from local.aws import EmbeddedAws

DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
LAYER_OF_AN_IMAGE = b"layer"
DIGEST = "sha256:" + hashlib.sha256(LAYER_OF_AN_IMAGE).hexdigest()
MANIFEST = json.dumps(
    {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}
)


OWNERS_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
            "Action": "sts:AssumeRole",
        }
    ],
}


class Role:
    """A role of a stack, taken on. The account's owner first lets itself in, because the trust of
    roles is for services."""

    def __init__(self, aws: EmbeddedAws, arn: str) -> None:
        aws.client("iam").update_assume_role_policy(
            RoleName=_last(arn), PolicyDocument=json.dumps(OWNERS_TRUST)
        )
        session = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="attempts")
        found = session["Credentials"]
        self._aws = aws
        self._credentials = {
            "aws_access_key_id": found["AccessKeyId"],
            "aws_secret_access_key": found["SecretAccessKey"],
            "aws_session_token": found["SessionToken"],
        }

    def client(self, service: str) -> Any:
        return self._aws.client(service, **self._credentials)

    def refusal(self, action: str, arn: str, cluster: str) -> str:
        """What the embedded AWS says when it denies the call; empty when it does not.

        Another error than a denial comes from behind the permissions: with an invented receipt,
        say, SQS deletes nothing, but has been asked by one who may.
        """
        try:
            CALLS[action](self.client(action.partition(":")[0]), arn, cluster)
        except ClientError as error:
            if error.response["Error"]["Code"] in DENIED:
                return str(error)
            if action not in MAY_FAIL:
                raise
        return ""


def _last(arn: str) -> str:
    """The name at the end of an ARN."""
    return arn.rpartition(":")[2].partition("/")[2] or arn.rpartition(":")[2]


def _object(arn: str) -> dict[str, str]:
    bucket, _, key = arn.removeprefix("arn:aws:s3:::").partition("/")
    return {"Bucket": bucket, **({"Key": key} if key else {})}


def _stream(arn: str) -> dict[str, str]:
    group, _, stream = arn.partition(":log-group:")[2].partition(":log-stream:")
    return {"logGroupName": group, "logStreamName": stream}


def _url(sqs: Any, arn: str) -> str:
    account, name = arn.split(":")[4:]
    return f"{sqs.meta.endpoint_url}/{account}/{name}"


def _send(sqs: Any, arn: str, _: str) -> None:
    fifo = {"MessageGroupId": "attempts", "MessageDeduplicationId": "attempts"}
    sqs.send_message(
        QueueUrl=_url(sqs, arn), MessageBody="attempt", **(fifo if arn.endswith(".fifo") else {})
    )


def _code() -> bytes:
    file = io.BytesIO()
    zipfile.ZipFile(file, "w").writestr("app.py", "")
    return file.getvalue()


def _anything() -> str:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


RECEIPT = base64.b64encode(b"attempt").decode()
TASK = [{"name": "worker", "image": "somebody-elses"}]

CALLS: dict[str, Callable[[Any, str, str], object]] = {
    "s3:ListBucket": lambda s3, arn, _: s3.list_objects_v2(**_object(arn), MaxKeys=1),
    "s3:ListBucketVersions": lambda s3, arn, _: s3.list_object_versions(**_object(arn), MaxKeys=1),
    "s3:GetObject": lambda s3, arn, _: s3.get_object(**_object(arn)),
    "s3:PutObject": lambda s3, arn, _: s3.put_object(**_object(arn), Body=b"attempt"),
    "s3:DeleteObject": lambda s3, arn, _: s3.delete_object(**_object(arn)),
    "s3:AbortMultipartUpload": lambda s3, arn, _: s3.abort_multipart_upload(
        **_object(arn), UploadId="none"
    ),
    "s3:DeleteObjectVersion": lambda s3, arn, _: s3.delete_object(**_object(arn), VersionId="v"),
    "s3:PutBucketPolicy": lambda s3, arn, _: s3.put_bucket_policy(
        **_object(arn), Policy=_anything()
    ),
    "s3:PutBucketNotification": lambda s3, arn, _: s3.put_bucket_notification_configuration(
        **_object(arn), NotificationConfiguration={}
    ),
    "sqs:SendMessage": _send,
    "sqs:ReceiveMessage": lambda sqs, arn, _: sqs.receive_message(
        QueueUrl=_url(sqs, arn), VisibilityTimeout=0
    ),
    "sqs:DeleteMessage": lambda sqs, arn, _: sqs.delete_message(
        QueueUrl=_url(sqs, arn), ReceiptHandle=RECEIPT
    ),
    "sqs:ChangeMessageVisibility": lambda sqs, arn, _: sqs.change_message_visibility(
        QueueUrl=_url(sqs, arn), ReceiptHandle=RECEIPT, VisibilityTimeout=0
    ),
    "sqs:GetQueueAttributes": lambda sqs, arn, _: sqs.get_queue_attributes(
        QueueUrl=_url(sqs, arn), AttributeNames=["All"]
    ),
    "sqs:PurgeQueue": lambda sqs, arn, _: sqs.purge_queue(QueueUrl=_url(sqs, arn)),
    "logs:CreateLogStream": lambda logs, arn, _: logs.create_log_stream(**_stream(arn)),
    "logs:PutLogEvents": lambda logs, arn, _: logs.put_log_events(
        **_stream(arn), logEvents=[{"timestamp": 1_800_000_000_000, "message": "attempt"}]
    ),
    "logs:GetLogEvents": lambda logs, arn, _: logs.get_log_events(**_stream(arn)),
    "logs:DeleteLogGroup": lambda logs, arn, _: logs.delete_log_group(
        logGroupName=_stream(arn)["logGroupName"]
    ),
    "lambda:InvokeFunction": lambda function, arn, _: function.invoke(
        FunctionName=arn, InvocationType="DryRun"
    ),
    "lambda:UpdateFunctionCode": lambda function, arn, _: function.update_function_code(
        FunctionName=arn, ZipFile=_code()
    ),
    "lambda:GetLayerVersion": lambda layer, arn, _: layer.get_layer_version(
        LayerName=arn.split(":")[6], VersionNumber=int(arn.split(":")[7])
    ),
    "ecs:RunTask": lambda ecs, arn, cluster: ecs.run_task(cluster=cluster, taskDefinition=arn),
    "ecs:ListTasks": lambda ecs, _, cluster: ecs.list_tasks(cluster=cluster),
    "ecs:DescribeTasks": lambda ecs, arn, cluster: ecs.describe_tasks(cluster=cluster, tasks=[arn]),
    "ecs:TagResource": lambda ecs, arn, _: ecs.tag_resource(
        resourceArn=arn, tags=[{"key": "attempt", "value": ""}]
    ),
    "ecs:StopTask": lambda ecs, arn, cluster: ecs.stop_task(cluster=cluster, task=arn),
    "ecs:RegisterTaskDefinition": lambda ecs, _, __: ecs.register_task_definition(
        family="somebody-elses", containerDefinitions=TASK
    ),
    "ecr:GetAuthorizationToken": lambda ecr, _, __: ecr.get_authorization_token(),
    "ecr:BatchCheckLayerAvailability": lambda ecr, arn, _: ecr.batch_check_layer_availability(
        repositoryName=_last(arn), layerDigests=[DIGEST]
    ),
    "ecr:BatchGetImage": lambda ecr, arn, _: ecr.batch_get_image(
        repositoryName=_last(arn), imageIds=[{"imageTag": "1"}]
    ),
    "ecr:BatchDeleteImage": lambda ecr, arn, _: ecr.batch_delete_image(
        repositoryName=_last(arn), imageIds=[{"imageTag": "1"}]
    ),
    "ecr:DescribeImages": lambda ecr, arn, _: ecr.describe_images(repositoryName=_last(arn)),
    "ecr:GetDownloadUrlForLayer": lambda ecr, arn, _: ecr.get_download_url_for_layer(
        repositoryName=_last(arn), layerDigest=DIGEST
    ),
    "ecr:InitiateLayerUpload": lambda ecr, arn, _: ecr.initiate_layer_upload(
        repositoryName=_last(arn)
    ),
    "ecr:UploadLayerPart": lambda ecr, arn, _: ecr.upload_layer_part(
        repositoryName=_last(arn),
        uploadId="u",
        partFirstByte=0,
        partLastByte=len(LAYER_OF_AN_IMAGE) - 1,
        layerPartBlob=LAYER_OF_AN_IMAGE,
    ),
    "ecr:CompleteLayerUpload": lambda ecr, arn, _: ecr.complete_layer_upload(
        repositoryName=_last(arn), uploadId="u", layerDigests=[DIGEST]
    ),
    "ecr:PutImage": lambda ecr, arn, _: ecr.put_image(
        repositoryName=_last(arn), imageTag="attempt", imageManifest=MANIFEST
    ),
    "codebuild:StartBuild": lambda build, arn, _: build.start_build(projectName=_last(arn)),
    "codebuild:UpdateProject": lambda build, arn, _: build.update_project(
        name=_last(arn), description="attempt"
    ),
    "events:PutRule": lambda events, arn, _: events.put_rule(
        Name=_last(arn), ScheduleExpression="rate(1 hour)"
    ),
    "events:PutTargets": lambda events, arn, _: events.put_targets(
        Rule=_last(arn), Targets=[{"Id": "attempt", "Arn": arn}]
    ),
    "iam:GetRole": lambda iam, arn, _: iam.get_role(RoleName=arn.rpartition("/")[2]),
    "iam:DeleteServiceLinkedRole": lambda iam, arn, _: iam.delete_service_linked_role(
        RoleName=arn.rpartition("/")[2]
    ),
    "iam:PutRolePolicy": lambda iam, arn, _: iam.put_role_policy(
        RoleName=_last(arn), PolicyName="attempt", PolicyDocument=_anything()
    ),
    "sts:AssumeRole": lambda sts, arn, _: sts.assume_role(RoleArn=arn, RoleSessionName="attempt"),
}
MAY_FAIL = {
    "s3:GetObject": "the object need not exist",
    "s3:AbortMultipartUpload": "the upload is invented",
    "sqs:DeleteMessage": "the receipt is invented",
    "sqs:ChangeMessageVisibility": "the receipt is invented",
    "logs:CreateLogStream": "the stream may exist already",
    "ecr:GetDownloadUrlForLayer": "there is no such layer",
    "ecr:UploadLayerPart": "the upload is invented",
    "ecr:CompleteLayerUpload": "the upload is invented",
    "ecr:PutImage": "the manifest is none",
}
"""Calls that fail behind their permissions, and why."""

"""The keys of objects: S3 uses a key of KMS in the caller's name, and ministack lets everybody.

Whoever writes an object with a key needs kms:GenerateDataKey for it, and whoever reads it
kms:Decrypt, by way of S3 (`kms:ViaService`): by the caller's own policies and by the key's. A HEAD
needs no key, as AWS asks for one only where it gives a checksum (S3's API reference, HeadObject).
A bucket's encryption, which ministack leaves out of a stack's buckets, is set.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import kms, s3
from ministack.services.cloudformation import provisioners

from . import role_policies
from .links import Link, PatchPoint

KEY_ID = "x-amz-server-side-encryption-aws-kms-key-id"

Json = dict[str, Any]
Reply = tuple[int, dict[str, str], Any]


def apply() -> None:
    get_object: Callable[..., Reply] = s3._get_object
    resolve: Callable[..., tuple[dict[str, str] | None, Reply | None]] = (
        s3._resolve_sse_write_headers
    )

    apply_configurations: Callable[..., None] = provisioners._s3_apply_configurations

    def get_object_if_it_can_be_decrypted(
        bucket_name: str,
        key: str,
        headers: dict[str, str],
        query_params: Any = None,  # noqa: ANN401
    ) -> Reply:
        reply = get_object(bucket_name, key, headers, query_params)
        refused = reply[0] in (200, 206) and refusal("kms:Decrypt", reply[1].get(KEY_ID))
        return refused or reply

    def resolve_if_it_can_be_encrypted(
        headers: dict[str, str], bucket_name: str
    ) -> tuple[dict[str, str] | None, Reply | None]:
        found, error = resolve(headers, bucket_name)
        refused = refusal("kms:GenerateDataKey", (found or {}).get(KEY_ID))
        return (None, refused) if refused and not error else (found, error)

    def apply_configurations_and_encryption(name: str, props: Json, *old: Json) -> None:
        apply_configurations(name, props, *old)
        if "BucketEncryption" in props:
            (rule,) = props["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            chosen = rule["ServerSideEncryptionByDefault"].items()
            tags = "".join(f"<{tag}>{value}</{tag}>" for tag, value in chosen)
            s3._put_bucket_encryption(name, f"<Rule>{tags}</Rule>".encode())

    provisioners._s3_apply_configurations = apply_configurations_and_encryption
    s3._get_object = get_object_if_it_can_be_decrypted
    s3._resolve_sse_write_headers = resolve_if_it_can_be_encrypted


def refusal(action: str, key: str | None) -> Reply | None:
    """What S3 returns a caller who may not use the object's key; None to those who may."""
    caller = iam_evaluator.caller_arn()
    if not key or not role_policies.is_role(caller) or may_use(caller, action, key):
        return None
    message = f"User: {caller} is not authorized to perform: {action} on resource: {key}"
    reply: Reply = s3._error("AccessDenied", message, 403)
    return reply


def may_use(caller: str, action: str, key: str) -> bool:
    """Whether the policies of the caller's role, and the key's own, let it."""
    via_s3 = {"kms:viaservice": f"s3.{get_region()}.amazonaws.com"}
    context, by_caller = role_policies.evaluate(caller, action, key, via_s3)
    of_key = kms.key_policy_for_arn(key)
    if of_key is None:
        return False
    found = iam_evaluator.combine_resource_policy(by_caller, context, *of_key, required=True)
    return bool(found.decision == "Allow")


LINK = Link(
    what="the keys of objects",
    patch_points=(
        PatchPoint(s3, "_get_object", ("bucket_name", "key", "headers", "query_params")),
        PatchPoint(s3, "_resolve_sse_write_headers", ("headers", "bucket_name")),
        PatchPoint(s3, "_put_bucket_encryption", ("name", "body")),
        PatchPoint(provisioners, "_s3_apply_configurations", ("name", "props", "old_props")),
        PatchPoint(s3, "_error", ("code", "message", "status")),
        PatchPoint(kms, "key_policy_for_arn", ("resource_arn",)),
        PatchPoint(iam_evaluator, "caller_arn", ()),
        *role_policies.PATCH_POINTS,
        PatchPoint(
            iam_evaluator,
            "combine_resource_policy",
            ("identity", "ctx", "policy", "owner_account", "required"),
        ),
    ),
    apply=apply,
)

"""Role credentials: for a container its task role, for a rule's target the rule's role.

ministack gives a container an address on host.docker.internal to fetch credentials from, which the
AWS SDKs refuse, and it gives out credentials that belong to no role. Ours belong to a session of
the role, so that IAM enforcement sees the role's policies, and arrive in the environment.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs, sts

from .links import Link, PatchPoint


def role_session(role_arn: str, session: str) -> dict[str, str]:
    """The environment variables of a new session of the role."""

    def digest(purpose: str) -> str:
        return hashlib.sha256(f"{purpose}:{role_arn}:{session}".encode()).hexdigest()

    role = role_arn.rsplit("/", 1)[-1]
    access_key = f"ASIA{digest('access key')[:16].upper()}"
    secret_key, token = digest("secret key"), digest("session token")
    sts.register_session(
        access_key,
        {
            "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/{role}/{session}",
            "UserId": f"{role}:{session}",
            "SecretAccessKey": secret_key,
            "SessionToken": token,
        },
    )
    return {
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_SESSION_TOKEN": token,
    }


def apply() -> None:
    """Give each container what ECS on Fargate gives it, and of ministack's own its address."""
    register: Callable[..., str] = ecs._register_metadata

    def register_metadata(
        task_arn: str,
        cluster_arn: str,
        td: dict[str, object],
        cdef: dict[str, object],
        launch_type: str,
        env: dict[str, str],
        *rest: object,
    ) -> str:
        declared = dict(env)
        token = register(task_arn, cluster_arn, td, cdef, launch_type, env, *rest)
        kept = ("ECS_CONTAINER_METADATA_URI_V4", "AWS_ENDPOINT_URL")
        given = {name: env[name] for name in kept}
        env.clear()
        env.update(
            declared | given,
            AWS_EXECUTION_ENV="AWS_ECS_FARGATE",
            AWS_REGION=get_region(),
            AWS_DEFAULT_REGION=get_region(),
        )
        if role := td.get("taskRoleArn"):
            env.update(role_session(str(role), task_arn.rsplit("/", 1)[-1]))
        return token

    ecs._register_metadata = register_metadata


def _one_at_a_time() -> None:
    """ministack walks through all sessions at each new one, in whichever thread starts a task or a
    function. Two at once, and one ends with "dictionary changed size during iteration": the more
    sessions there are, the sooner. Its task did not start, or its event was given up.
    """
    register: Callable[[str, dict[str, object]], None] = sts.register_session
    lock = threading.Lock()

    def register_session(access_key: str, session: dict[str, object]) -> None:
        with lock:
            register(access_key, session)

    sts.register_session = register_session


SESSIONS = Link(
    what="sessions from many threads",
    patch_points=(
        PatchPoint(sts, "register_session", ("access_key", "session")),
        PatchPoint(sts, "_sessions"),
    ),
    apply=_one_at_a_time,
)
LINK = Link(
    what="task role credentials",
    patch_points=(
        PatchPoint(sts, "register_session", ("access_key", "session")),
        PatchPoint(
            ecs,
            "_register_metadata",
            ("task_arn", "cluster_arn", "td", "cdef", "launch_type", "env"),
        ),
    ),
    apply=apply,
)

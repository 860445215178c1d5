"""ECS gives a task's times to the millisecond; ministack keeps them so, and gives whole seconds, in
which two tasks that ran one after the other can't be told from two at once.

https://docs.aws.amazon.com/cli/latest/reference/ecs/describe-tasks.html (its examples)
"""

from __future__ import annotations

from datetime import datetime

from ministack.services import ecs

from .links import Link, PatchPoint


def apply() -> None:
    """Keep the milliseconds."""
    ecs._ts_to_epoch = _seconds


def _seconds(kept: object) -> object:
    return datetime.fromisoformat(kept).timestamp() if isinstance(kept, str) else kept


LINK = Link(
    what="the milliseconds of tasks' times",
    patch_points=(PatchPoint(ecs, "_ts_to_epoch", ("value",)),),
    apply=apply,
)

"""CloudFormation refuses a second export of one name, and forgets those that a stack gives up.

ministack does neither. When AWS looks is not documented; here, as the stack's outputs are made.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/outputs-section-structure.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import stacks

from .links import Link, PatchPoint

Json = dict[str, Any]


def apply() -> None:
    """Fail the stack with CloudFormation's reason."""
    resolve: Callable[..., tuple[list[Json], Json]] = stacks._resolve_stack_outputs

    def resolve_stack_outputs(*arguments: Any) -> tuple[list[Json], Json]:  # noqa: ANN401
        outputs, exports = resolve(*arguments)
        stack = str(arguments[-1])
        others = {
            name: export["StackId"]
            for name, export in cloudformation._exports.items()
            if export["StackId"] != stack
        }
        for name in sorted(exports.keys() & others.keys()):
            owner = others[name].split("/")[1]
            raise ValueError(f"Export with name {name} is already exported by stack {owner}.")
        for name in [*cloudformation._exports]:
            if name not in others and name not in exports:
                del cloudformation._exports[name]
        return outputs, exports

    stacks._resolve_stack_outputs = resolve_stack_outputs


LINK = Link(
    what="the names of exports, which are unique",
    patch_points=(
        PatchPoint(cloudformation, "_exports"),
        PatchPoint(
            stacks,
            "_resolve_stack_outputs",
            (
                "outputs_defs", "conditions", "resources", "param_values", "mappings",
                "stack_name", "stack_id",
            ),
        ),
    ),
    apply=apply,
)  # fmt: skip

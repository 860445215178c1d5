"""What each role needs and what it must not get: one table, judged twice.

`tests/local/test_attempts.py` makes each call on the embedded AWS, with its IAM enforcement, and
`tests/template/test_attempts.py` evaluates it over the synthesized template's own policies.
What the first can't judge (services as callers, endpoints, conditions that a client can't set) is
judged by the second alone.

A resource is the ARN of `{LogicalId}` and what follows, or of something in the same account that
is not the stack's (`tests/support/arns.py`).
"""

from __future__ import annotations

from tests.support.attempts import endpoints, resources, starting
from tests.support.attempts.attempt import Attempt
from tests.support.attempts.named_bucket import named_bucket
from tests.support.attempts.roles import NEEDED, REFUSED

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
    *starting.launches("fargate", "UploadRuleRole"),
    *starting.launches("fargate", "SweepFunctionRole"),
    *starting.launches("hybrid", "LaunchFunctionRole"),
    *starting.lists_tasks("LaunchFunctionRole"),
    *starting.lists_tasks("SweepFunctionRole"),
    *starting.makes_the_role_of_ecs(),
    *resources.trust(),
    *resources.queues(),
    *resources.alarm_topic(),
    *resources.result_topic(),
    *resources.buckets(),
    *resources.functions(),
    *endpoints.ways_out(),
    *named_bucket(),
]

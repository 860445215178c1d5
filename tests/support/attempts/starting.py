"""Starting tasks, and what that needs: under conditions of the request."""

from __future__ import annotations

from tests.support.attempts.attempt import Attempt
from tests.support.attempts.roles import ROLE_OF_ECS

_IN_THE_CLUSTER = {"ecs:cluster": "{Cluster}"}
_ELSEWHERE = {"ecs:cluster": "{OtherCluster}"}
_AT_START = {"ecs:CreateAction": "RunTask"}
_TO_TASKS = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
_TO_MACHINES = {"iam:PassedToService": "ec2.amazonaws.com"}


def launches(stack: str, role: str) -> list[Attempt]:
    """What whoever starts tasks may do: these tasks, in this cluster, with these two roles."""
    own, run, give = "{TaskDefinition}", "ecs:RunTask", "iam:PassRole"
    tag, why = "ecs:TagResource", "its tags come when it starts"
    other, admin = "{OtherTaskDefinition}", "{OtherRole}"
    program = "it would run any program"
    return [
        Attempt(role, run, own, True, "", stack, _IN_THE_CLUSTER),
        Attempt(role, run, other, False, program, stack, _IN_THE_CLUSTER),
        Attempt(role, run, own, False, "not in the cluster of others", stack, _ELSEWHERE),
        Attempt(role, tag, "{Task}", True, "", stack, _AT_START),
        Attempt(role, tag, "{Task}", False, why, stack),
        Attempt(role, tag, "{OtherTask}", False, "tasks of others", stack, _AT_START),
        Attempt(role, give, "{TaskRole}", True, "", stack, _TO_TASKS),
        Attempt(role, give, "{ExecutionRole}", True, "", stack, _TO_TASKS),
        Attempt(role, give, admin, False, "a task would have any right", stack, _TO_TASKS),
        Attempt(role, give, "{TaskRole}", False, "tasks only", stack, _TO_MACHINES),
    ]


def makes_the_role_of_ecs() -> list[Attempt]:
    role, action = "ResourcesFunctionRole", "iam:CreateServiceLinkedRole"
    of_ecs = {"iam:AWSServiceName": "ecs.amazonaws.com"}
    of_another = {"iam:AWSServiceName": "spot.amazonaws.com"}
    other = ROLE_OF_ECS.replace("ecs.amazonaws.com/AWSServiceRoleForECS", "spot.amazonaws.com/r")
    why = "a service would get rights in the account"
    return [
        Attempt(role, action, ROLE_OF_ECS, True, given=of_ecs),
        Attempt(role, action, other, False, why, given=of_another),
        Attempt(role, action, ROLE_OF_ECS, False, why, given=of_another),
        Attempt(role, "iam:DeleteServiceLinkedRole", ROLE_OF_ECS, False, "others use it"),
        Attempt("TaskRole", action, ROLE_OF_ECS, False, "a job makes no roles", given=of_ecs),
    ]


def lists_tasks(role: str) -> list[Attempt]:
    action = "ecs:ListTasks"
    return [
        Attempt(role, action, "*", True, given=_IN_THE_CLUSTER),
        Attempt(role, action, "*", False, "it sees its own tasks", given=_ELSEWHERE),
        Attempt(role, "ecs:DescribeTasks", "{Task}", True),
        Attempt(role, "ecs:DescribeTasks", "{OtherTask}", False, "it looks at its own tasks"),
    ]

"""An account in which nobody has used ECS yet."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError

from local.aws import EmbeddedAws

ROLE = "AWSServiceRoleForECS"
REFUSAL = "Unable to assume the service linked role"


def role(aws: EmbeddedAws) -> str:
    return str(aws.client("iam").get_role(RoleName=ROLE)["Role"]["RoleId"])


def take_the_role_away(aws: EmbeddedAws) -> None:
    aws.client("iam").delete_service_linked_role(RoleName=ROLE)


@pytest.fixture(scope="module")
def new_account() -> EmbeddedAws:
    """An embedded AWS of its own: others need the role."""
    with EmbeddedAws() as started:
        yield started


def test_the_first_cluster_of_an_account_fails_as_it_does_on_aws(new_account: EmbeddedAws) -> None:
    """And leaves the role behind, so that a later one does not."""
    take_the_role_away(new_account)
    ecs = new_account.client("ecs")
    with pytest.raises(ClientError, match=REFUSAL):
        ecs.create_cluster(clusterName="first", capacityProviders=["FARGATE"])
    assert role(new_account)
    time.sleep(2.5)
    ecs.create_cluster(clusterName="second", capacityProviders=["FARGATE"])


def test_a_stack_deploys_in_a_new_account_and_leaves_the_role(new_account: EmbeddedAws) -> None:
    take_the_role_away(new_account)
    chosen = {"Mode": "fargate", "WorkerImageUri": "any"}
    new_account.deploy_all({"new-account": chosen})
    made = role(new_account)
    new_account.deploy_all({"another": chosen})
    assert role(new_account) == made
    cloudformation = new_account.client("cloudformation")
    cloudformation.delete_stack(StackName="new-account")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="new-account", WaiterConfig={"Delay": 1}
    )
    assert role(new_account) == made


def test_the_role_has_the_name_that_aws_gives_it_and_is_made_once(aws: EmbeddedAws) -> None:
    with pytest.raises(ClientError, match=f"{ROLE} has been taken in this account") as refused:
        aws.client("iam").create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    assert refused.value.response["Error"]["Code"] == "InvalidInput"

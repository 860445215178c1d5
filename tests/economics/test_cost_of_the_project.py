"""What is billed for is what the project does."""

from __future__ import annotations

import pytest
from processing import job
from processing.events import Upload
from processing.objects import SMALL
from processing.settings import Settings

from economics import bill, product
from economics.work import Job, Stack
from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore
from tests.template.synthesis import SOURCE, synthesize


@pytest.mark.parametrize("size", [SMALL, SMALL + 1])
def test_a_job_calls_s3_as_often_as_it_is_billed_for(size: int) -> None:
    store = MemoryStore()
    store.upload("input/a", bytes(size))
    settings = Settings(processor=OnBytes(lambda body, content_type: (body, content_type)))
    job.run(Upload(store.name, "input/a"), store, settings, log=lambda line: None)
    assert len(store.calls) == Job.reads(size / 2**20) + 1
    assert [name for name, _ in store.calls if name not in ("head", "look", "get")] == ["put"]


def test_a_sweep_asks_for_what_it_is_billed_for() -> None:
    settings = Settings(processor=OnBytes(lambda body, content_type: (body, content_type)))
    assert len([*job.result_keys("input/a", settings)]) + 1 == bill.SWEEP_HEADS
    assert SOURCE["Parameters"]["SweepSchedule"]["Default"] == "rate(1 hour)"


def test_the_stack_of_the_table_is_the_one_that_the_template_makes_of_its_defaults() -> None:
    stack, task = Stack(), synthesize({"Mode": "fargate"}).only("AWS::ECS::TaskDefinition")
    function = synthesize()["ProcessFunction"]
    assert int(function["MemorySize"]) / 1024 == product.FUNCTION_GB
    assert stack.function_timeout == int(function["Timeout"])
    variables = function["Environment"]["Variables"]
    assert stack.max_bytes == int(variables["MAX_BYTES"])
    assert int(task["Cpu"]) / 1024 == product.TASK_VCPU
    assert int(task["Memory"]) / 1024 == product.TASK_GB
    assert stack.threshold == int(SOURCE["Parameters"]["HybridThresholdMiB"]["Default"])


@pytest.mark.parametrize("mode", SOURCE["Parameters"]["Mode"]["AllowedValues"])
def test_alarms_and_metrics_are_the_templates(mode: str) -> None:
    """As a whole synthesis has them, by conditions of which the calculator evaluates some."""
    stack = synthesize({"Mode": mode})
    assert len(stack.of_type("AWS::CloudWatch::Alarm")) == product.alarms(mode, False)
    told = synthesize({"Mode": mode, "ResultTopic": "true"})
    assert len(told.of_type("AWS::CloudWatch::Alarm")) == product.alarms(mode, True)
    by_outcome = 4 - 1
    assert len(stack.of_type("AWS::Logs::MetricFilter")) + by_outcome == product.METRICS
    assert len(stack.of_type("AWS::CloudWatch::Dashboard")) == 1


def test_endpoints_are_the_templates() -> None:
    made = synthesize({"Mode": "fargate"}).of_type("AWS::EC2::VPCEndpoint").values()
    billed = [each for each in made if each["VpcEndpointType"] == "Interface"]
    assert sum(len(each["SubnetIds"]) for each in billed) == product.ENDPOINT_ZONES == 6

"""What is billed for is what the project does."""

from __future__ import annotations

import merge
import pytest
import reconcile
from processing import job
from processing.events import Upload
from processing.settings import Settings

from economics import cost
from economics.cost import Stack
from economics.figures import Job
from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore
from tests.template.synthesis import SOURCE, synthesize


def test_a_job_calls_s3_as_often_as_it_is_billed_for() -> None:
    store = MemoryStore()
    store.upload("input/a", b"a")
    settings = Settings(processor=OnBytes(lambda body, content_type: (body, content_type)))
    job.run(Upload(store.name, "input/a"), store, settings, log=lambda line: None)
    assert len(store.calls) == Job.CALLS
    assert [name for name, _ in store.calls if name not in ("head", "get")] == ["put"]


def test_a_sweep_asks_for_what_it_is_billed_for() -> None:
    settings = Settings(processor=OnBytes(lambda body, content_type: (body, content_type)))
    assert len([*job.result_keys("input/a", settings)]) + 1 == cost.SWEEP_HEADS
    assert merge.LONGEST_IN_PARTS.total_seconds() / 3600 == cost.RUNS_IN_PARTS
    assert reconcile._TOGETHER == cost.SWEEP_TOGETHER
    assert SOURCE["Parameters"]["SweepSchedule"]["Default"] == "rate(1 hour)"


def test_the_stack_of_the_table_has_the_templates_defaults() -> None:
    parameters, stack = SOURCE["Parameters"], Stack()
    assert stack.function_mb == int(parameters["FunctionMemory"]["Default"])
    cpu, memory = parameters["TaskSize"]["Default"].split("/")
    assert (stack.task_vcpu, stack.task_gb) == (int(cpu) / 1024, int(memory) / 1024)
    assert stack.threshold_mib == int(parameters["HybridThresholdMiB"]["Default"])
    assert stack.max_mib == int(parameters["MaxBytes"]["Default"]) / 2**20
    assert stack.function_timeout == int(parameters["FunctionTimeout"]["Default"])
    assert stack.task_timeout == int(parameters["TaskTimeout"]["Default"])
    assert stack.network == parameters["Network"]["Default"]
    assert set(cost.NETWORKS) == set(parameters["Network"]["AllowedValues"])
    assert set(cost.MODES) == {*parameters["Mode"]["AllowedValues"], "recipe"}


@pytest.mark.parametrize("mode", cost.ALARMS)
def test_alarms_and_metrics_are_the_templates(mode: str) -> None:
    stack = synthesize({"Mode": mode})
    assert len(stack.of_type("AWS::CloudWatch::Alarm")) == cost.ALARMS[mode]
    told = synthesize({"Mode": mode, "ResultTopic": "true"})
    assert len(told.of_type("AWS::CloudWatch::Alarm")) == cost.ALARMS[mode] + 2
    by_outcome = 4 - 1
    assert len(stack.of_type("AWS::Logs::MetricFilter")) + by_outcome == cost.METRICS
    assert len(stack.of_type("AWS::CloudWatch::Dashboard")) == 1

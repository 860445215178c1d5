"""What the template says: none of its figures is written down again."""

from __future__ import annotations

import functools
from datetime import timedelta

from plan import MARGIN_SECONDS, Plan
from processing.starters import RATE

from tooling.template import Chosen, default, of_type, source


@functools.cache
def alarms(mode: str, result_topic: bool) -> int:
    made = Chosen(Mode=mode, ResultTopic=str(result_topic).lower()).resources()
    return len(of_type(made, "AWS::CloudWatch::Alarm"))


_ISOLATED = Chosen(Mode="fargate", Network="isolated").resources()
_ENDPOINTS = [_ISOLATED[name]["Properties"] for name in of_type(_ISOLATED, "AWS::EC2::VPCEndpoint")]
ENDPOINT_ZONES = sum(len(e.get("SubnetIds", ())) for e in _ENDPOINTS)
"""Each zone of each endpoint is billed; gateways have none."""
METRICS = len(of_type(source()["Resources"], "AWS::Logs::MetricFilter")) + 4 - 1
"""The one of the jobs counts for each of four outcomes."""
TASK_VCPU, TASK_GB = (int(each) / 1024 for each in default("TaskSize").split("/"))
FUNCTION_GB = int(default("FunctionMemory")) / 1024

_SWEEP, _LAUNCH, _FAILURE = (
    {**source()["Globals"]["Function"], **source()["Resources"][name]["Properties"]}
    for name in ("SweepFunction", "LaunchFunction", "FailureFunction")
)
SWEEP_GB = _SWEEP["MemorySize"] / 1024
SWEEP_SECONDS = _SWEEP["Timeout"] - MARGIN_SECONDS
"""The longest that one run works."""
_OVERHEAD = float(_SWEEP["Environment"]["Variables"]["OVERHEAD_SECONDS"])
_GRACE = timedelta(seconds=float(default("TaskTimeout")) + _OVERHEAD)
SWEEP = Plan(_GRACE, int(default("MaxAttempts")), RATE)
"""By the template's defaults."""
LAUNCH_GB, LAUNCH_SECONDS = _LAUNCH["MemorySize"] / 1024, _LAUNCH["Timeout"]
LAUNCH_BATCH = _LAUNCH["Events"]["Launches"]["Properties"]["BatchSize"]
REPORTERS = _FAILURE["Events"]["RawFailures"]["Properties"]["ScalingConfig"]["MaximumConcurrency"]

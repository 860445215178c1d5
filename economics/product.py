"""What the template and the project's modules say: none of their figures is written down again."""

from __future__ import annotations

import functools
import importlib

import launcher
import merge
import walk
from processing import starters

from tooling.template import Chosen, of_type, source


def default(parameter: str) -> str:
    return str(source()["Parameters"][parameter]["Default"])


def allowed(parameter: str) -> tuple[str, ...]:
    return tuple(source()["Parameters"][parameter]["AllowedValues"])


@functools.cache
def alarms(mode: str, result_topic: bool) -> int:
    made = Chosen(Mode=mode, ResultTopic=str(result_topic).lower()).resources()
    return len(of_type(made, "AWS::CloudWatch::Alarm"))


def _endpoint_zones() -> int:
    """Of Network=isolated: each zone of each endpoint is billed; gateways are not."""
    made = Chosen(Mode="fargate", Network="isolated").resources()
    endpoints = [made[name]["Properties"] for name in of_type(made, "AWS::EC2::VPCEndpoint")]
    return sum(len(e["SubnetIds"]) for e in endpoints if e["VpcEndpointType"] == "Interface")


ENDPOINT_ZONES = _endpoint_zones()
METRICS = len(of_type(source()["Resources"], "AWS::Logs::MetricFilter")) + 4 - 1
"""The one of the jobs counts for each of four outcomes."""
TASK_VCPU, TASK_GB = (int(each) / 1024 for each in default("TaskSize").split("/"))

_SWEEP, _LAUNCH, _FAILURE = (
    {**source()["Globals"]["Function"], **source()["Resources"][name]["Properties"]}
    for name in ("SweepFunction", "LaunchFunction", "FailureFunction")
)
SWEEP_GB = _SWEEP["MemorySize"] / 1024
# By its full name, for each function has an `app`; imported so, for mypy knows the file as `app`.
_sweep_app = importlib.import_module("functions.sweep.app")
SWEEP_SECONDS = _SWEEP["Timeout"] - _sweep_app.MARGIN_SECONDS
"""The longest that one run works."""
SWEEP_TOGETHER, SWEEP_RATE = walk.TOGETHER, starters.RATE
_OVERHEAD = float(_SWEEP["Environment"]["Variables"]["OVERHEAD_SECONDS"])
SWEEP_GRACE = float(default("TaskTimeout")) + _OVERHEAD
RUNS_IN_PARTS = merge.LONGEST_IN_PARTS.total_seconds() / 3600

LAUNCH_GB, LAUNCH_SECONDS = _LAUNCH["MemorySize"] / 1024, _LAUNCH["Timeout"]
LAUNCH_BATCH = _LAUNCH["Events"]["Launches"]["Properties"]["BatchSize"]
LOOK_SECONDS, MARGIN_SECONDS = launcher.LOOK_SECONDS, launcher.MARGIN_SECONDS
STARTS_A_SECOND = launcher.STARTS_A_SECOND
_SCALING = _FAILURE["Events"]["RawFailures"]["Properties"]["ScalingConfig"]
REPORTERS = _SCALING["MaximumConcurrency"]

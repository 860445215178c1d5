"""One screen on a deployed stack: the last results, and what waits, failed and runs.

    PYTHONPATH=worker python -m operate.status STACK [--key input/a.png] [--json]

With a key, what there is to know of that upload (operate/upload.py). Looks and changes nothing.
Exit codes: 0 nothing is wrong, 1 something waits for somebody (failures, uploads that are overdue,
an alarm; with a key: its job failed, can't start or was given up), 2 wrong arguments (a key that is
no upload's), or no such stack.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from processing import reports

from tooling.progress import duration
from tooling.usage import MakeParser

from . import jobs, stacks, upload
from .stacks import NoStack, Stack

Json = dict[str, Any]

LAST = 10
"""Results that are shown."""
WINDOWS = (timedelta(minutes=10), timedelta(hours=2), timedelta(days=1))
"""How far back they are looked for: further only when there are too few."""
PAGES = 20
"""Of the log, at most, in one window: a busy stack has more lines than anybody waits for."""
LISTING_SECONDS = 20
CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


@dataclass(frozen=True)
class Status:
    """What there is to know. Counts of today are of the last 24 hours."""

    stack: str
    last: list[Json]
    """Reports of jobs, newest first, each with its `time`."""
    today: dict[str, int]
    """Jobs by outcome."""
    uploads: dict[str, int]
    """All that are in the bucket: with a current result, waiting for one, or overdue."""
    uploads_complete: bool
    """False when there was only time for some of them."""
    oldest_overdue: str | None
    cant_start: int
    """Overdue ones whose last start came to no job."""
    waiting_for_a_task: int
    running_tasks: int
    running: list[Json]
    """The uploads of those that run longest, and since when."""
    failures: int
    unreported_failures: int
    alarms: list[str]
    links: dict[str, str]

    @property
    def needs_somebody(self) -> bool:
        """Whether a person should look."""
        return bool(self.failures or self.alarms or self.uploads["overdue"])


def main(arguments: list[str] | None = None) -> int:
    """Show it; gives the exit code."""
    parser = MakeParser("status", "[STACK=uploads] [KEY=input/a.png] [JSON=1]", __doc__)
    parser.add_argument("stack", help="name of the stack")
    parser.add_argument("--key", help="of one upload, with its prefix")
    parser.add_argument("--json", action="store_true", help="for a program")
    chosen = parser.parse_args(arguments)
    try:
        stack = stacks.find(chosen.stack)
        if chosen.key is not None:
            return upload.show(stack, chosen.key, as_json=chosen.json)
        status = collect(stack)
    except (NoStack, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(asdict(status), indent=2) if chosen.json else screen(status))
    return 1 if status.needs_somebody else 0


def collect(stack: Stack) -> Status:
    """Ask the stack's services. Raises ClientError."""
    outcomes, unsettled, complete = look_at_the_bucket(stack)
    running = jobs.running_tasks(stack)
    queue = stack.outputs["FailureQueueUrl"]
    return Status(
        stack=stack.describe(),
        last=last_reports(stack.outputs["LogGroupName"]),
        today=jobs_of_today(stack.name),
        uploads={
            "current": outcomes.get("current", 0),
            "waiting": outcomes.get("young", 0) + outcomes.get("running", 0),
            "overdue": sum(outcomes.values())
            - sum(outcomes.get(each, 0) for each in ("current", "young", "running", "gone")),
        },
        uploads_complete=complete,
        oldest_overdue=unsettled,
        cant_start=outcomes.get("cant_start", 0),
        waiting_for_a_task=messages(stack.outputs.get("LaunchQueueUrl")),
        running_tasks=len(running),
        running=running[:LAST],
        failures=messages(queue),
        unreported_failures=messages(resource(stack, "RawFailureQueue")),
        alarms=alarms(stack),
        links=links(stack),
    )


def look_at_the_bucket(stack: Stack) -> tuple[Json, str | None, bool]:
    """What a sweep would find: uploads by state, the oldest overdue one's time, whether of all."""
    said = jobs.ask_the_sweep(stack, {"dry_run": True, "seconds": LISTING_SECONDS})
    return said["outcomes"], said["unsettled"], said["after"] is None


def last_reports(log_group: str) -> list[Json]:
    """The newest reports of jobs, newest first."""
    logs = boto3.client("logs")
    for window in WINDOWS:
        began = datetime.now(UTC) - window
        found: list[tuple[int, Json]] = []
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=log_group,
            startTime=round(began.timestamp() * 1000),
            filterPattern='{ $.outcome = "*" }',
        )
        for number, page in enumerate(pages):
            said = [(e["timestamp"], reports.read(e["message"])) for e in page["events"]]
            found += [(at, report) for at, report in said if report]
            if number == PAGES:
                break
        if len(found) >= LAST:
            break
    newest = sorted(found, key=lambda each: each[0], reverse=True)[:LAST]
    return [
        {"time": datetime.fromtimestamp(at / 1000, UTC).isoformat("T", "seconds")} | report
        for at, report in newest
    ]


def jobs_of_today(stack: str) -> dict[str, int]:
    """Jobs of the last 24 hours by outcome, from the metric."""
    now = datetime.now(UTC)
    cloudwatch = boto3.client("cloudwatch")
    counted = {}
    for outcome in ("succeeded", "rejected", "unchanged", "failed"):
        reply = cloudwatch.get_metric_statistics(
            Namespace=f"Uploads/{stack}",
            MetricName="Jobs",
            Dimensions=[{"Name": "outcome", "Value": outcome}],
            StartTime=now - timedelta(days=1),
            EndTime=now,
            Period=3600,
            Statistics=["Sum"],
        )
        counted[outcome] = round(sum(each["Sum"] for each in reply["Datapoints"]))
    return counted


def messages(queue_url: str | None) -> int:
    """How many wait in a queue, or are being worked on; 0 when the stack has no such queue."""
    if not queue_url:
        return 0
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    said = boto3.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=counts)
    return sum(int(said["Attributes"][name]) for name in counts)


def alarms(stack: Stack) -> list[str]:
    """What the stack's alarms say that are on."""
    kind = "AWS::CloudWatch::Alarm"
    names = [r["PhysicalResourceId"] for r in stacks.resources(stack) if r["ResourceType"] == kind]
    cloudwatch = boto3.client("cloudwatch")
    found = cloudwatch.describe_alarms(AlarmNames=names, StateValue="ALARM")["MetricAlarms"]
    return [each["AlarmDescription"].strip() for each in found]


def resource(stack: Stack, name: str) -> str | None:
    """The physical ID of one of the stack's resources."""
    found = {each["LogicalResourceId"]: each for each in stacks.resources(stack)}
    return found[name]["PhysicalResourceId"] if name in found else None


def links(stack: Stack) -> dict[str, str]:
    """Pages of AWS's console; none for an AWS that has no console."""
    if os.environ.get("AWS_ENDPOINT_URL"):
        return {}
    _, partition, _, region, _, _ = stack.id.split(":", 5)
    if partition not in CONSOLES:
        return {}
    base = f"https://{region}.{CONSOLES[partition]}"
    outputs = stack.outputs

    def escaped(name: str) -> str:  # as CloudWatch's own links have it
        return quote(quote(name, safe="")).replace("%", "$")

    return {
        "dashboard": f"{base}/cloudwatch/home?region={region}"
        f"#dashboards/dashboard/{outputs['DashboardName']}",
        "log": f"{base}/cloudwatch/home?region={region}"
        f"#logsV2:log-groups/log-group/{escaped(outputs['LogGroupName'])}",
        "failure queue": f"{base}/sqs/v3/home?region={region}"
        f"#/queues/{quote(outputs['FailureQueueUrl'], safe='')}",
        "bucket": f"{base}/s3/buckets/{outputs['BucketName']}?region={region}",
        "stack": f"{base}/cloudformation/home?region={region}"
        f"#/stacks/stackinfo?stackId={quote(stack.id, safe='')}",
    }


def screen(status: Status) -> str:
    """The status for people."""
    lines = [status.stack, ""]
    for each in status.last:
        took = each.get("seconds_since_upload")
        waited = f"{duration(took):>10}" if took is not None else " " * 10
        reason = f"  {each['reason']}" if each.get("reason") else ""
        lines.append(f"  {each['time'][:19]}  {each['outcome']:<9}{waited}  {each['key']}{reason}")
    if not status.last:
        lines.append("  no job within the last day")
    today = ", ".join(f"{count:,} {outcome}" for outcome, count in status.today.items())
    some = "" if status.uploads_complete else " of those that there was time to look at"
    overdue = f" (the oldest of {status.oldest_overdue})" if status.uploads["overdue"] else ""
    overdue += f", {status.cant_start:,} of which can't start" if status.cant_start else ""
    lines += [
        "",
        f"  jobs of the last 24 h   {today}",
        f"  uploads in the bucket   {status.uploads['current']:,} with their result, "
        f"{status.uploads['waiting']:,} waiting, "
        f"{status.uploads['overdue']:,} overdue{overdue}{some}",
        f"  tasks                   {status.running_tasks:,} running, "
        f"{status.waiting_for_a_task:,} waiting for their turn",
        *(f"    since {each['since'][:19]}  {each['key']}" for each in status.running),
        f"  failure queue           {status.failures:,} messages, "
        f"{status.unreported_failures:,} not yet reported",
        "",
    ]
    lines += [f"  ALARM  {each}" for each in status.alarms]
    lines += [f"  {name:<14}{link}" for name, link in status.links.items()]
    return "\n".join(lines).rstrip()


if __name__ == "__main__":
    sys.exit(main())

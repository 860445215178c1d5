"""The whole pipeline on the embedded AWS, from upload to answer, for each scenario.

Leaves build/demo/<scenario>/<file name>, and a page of it all, build/demo/index.html. Exit codes:
0 answered, 1 rejected or failed, 2 wrong arguments, 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bench import pictures

from . import build, page, paths
from .aws import EmbeddedAws, NotStarted
from .commands import CommandFailed
from .engine import detect
from .event_tap import EventTap
from .pipeline import INPUT, NothingCame, Pipeline, Verdict
from .progress import step
from .scenarios import SCENARIOS

OUT = paths.BUILD / "demo"
PAGE = OUT / "index.html"
LONGEST_JOB = 150
"""Seconds: the template's FunctionTimeout, and what comes before and after."""


@dataclass(frozen=True)
class Outcome:
    """What became of the upload in one scenario."""

    scenario: str
    verdict: Verdict
    seconds: dict[str, float]
    """Since the upload, of each thing that happened."""
    job_milliseconds: int
    file: Path
    upload: Path
    notes: dict[str, str]


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; gives the exit code."""
    chosen = parse(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    PAGE.unlink(missing_ok=True)  # a run that fails leaves none of an earlier one
    aws = EmbeddedAws(detect())
    try:
        outcomes = run(aws, chosen.input, chosen.scenarios)
    except KeyboardInterrupt:
        print("\ninterrupted")
        return 130
    except (CommandFailed, NotStarted, NothingCame) as error:
        print(f"\nfailed: {error}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # stopping takes a moment, and must end
        aws.stop()
    summarize(outcomes)
    show(outcomes)
    return 0 if all(outcome.verdict.is_answer for outcome in outcomes) else 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The arguments; a wrong one ends the program with exit code 2, and says what is right."""
    parser = argparse.ArgumentParser(prog="make demo", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--input", type=_file, default=paths.SAMPLE, help="any picture of a maze")
    parser.add_argument(
        "--scenarios",
        nargs="+",
        choices=SCENARIOS,
        default=list(SCENARIOS),
        metavar="SCENARIO",
        help=f"of {', '.join(SCENARIOS)}",
    )
    return parser.parse_args(arguments)


def _file(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {name!r} (in {Path.cwd()})")
    return path


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def run(aws: EmbeddedAws, picture: Path, scenarios: list[str]) -> list[Outcome]:
    """Build, start, deploy all stacks, then upload to one after the other."""
    print(f"The embedded AWS: {aws.engine.describe()}.")
    target = aws.engine.layer_target
    with contextlib.nullcontext() if build.is_built(target) else step("sam build"):
        aws.build()
    with step("starting"):
        aws.start()
    with step(f"sam deploy: {', '.join(scenarios)}"):
        stacks = aws.deploy_all({f"demo-{name}": SCENARIOS[name] for name in scenarios})
    tap = EventTap(aws)
    pipelines = {name: Pipeline(aws, f"demo-{name}", stacks[f"demo-{name}"]) for name in scenarios}
    return [
        watch(name, pipeline, tap, each)
        for name, pipeline in pipelines.items()
        for each in [picture, *([of_the_other_size(picture)] if name == "hybrid" else [])]
    ]


def of_the_other_size(picture: Path) -> Path:
    """One that hybrid's threshold sends to the engine that does not get the picture."""
    threshold = int(SCENARIOS["hybrid"]["HybridThresholdMiB"]) * 2**20
    return large_picture() if picture.stat().st_size <= threshold else paths.SAMPLE


def large_picture() -> Path:
    """A maze of 1.4 MiB, for a task."""
    file = OUT / "large.bmp"
    file.parent.mkdir(parents=True, exist_ok=True)
    pictures.maze(700, 700, corridor=10, wall=4).convert("RGB").save(file)
    return file


def watch(scenario: str, pipeline: Pipeline, tap: EventTap, picture: Path) -> Outcome:
    """Upload the picture, wait for its verdict, show when what happened, keep the verdict."""
    key = INPUT + picture.name
    print(f"\n{scenario}: {picture.name}, {picture.stat().st_size:,} bytes")
    version = pipeline.upload(key, picture.read_bytes())
    try:
        verdict = pipeline.verdict(key, version, LONGEST_JOB)
    except NothingCame as error:
        said = [*(event["message"] for event in pipeline.log()), *pipeline.failures()]
        raise NothingCame("\n".join([str(error), *said])) from error
    report = pipeline.reports(key)[0]
    times = {
        "uploaded": pipeline.versions(key)[version].timestamp(),
        "event": event_time(pipeline, tap, key),
        "started": report["logged"] - report["milliseconds"] / 1000,
        "answered" if verdict.is_answer else "rejected": pipeline.versions(verdict.key)[
            verdict.version
        ].timestamp(),
    }
    seconds = {what: time - times["uploaded"] for what, time in times.items()}
    notes = {
        "uploaded": f"s3://{pipeline.bucket}/{key}",
        "event": {
            "lambda": "S3 invoked the function",
            "fargate": "S3 told EventBridge",
            "cloudtrail": "CloudTrail told EventBridge",
            "hybrid": "S3 told EventBridge",
        }[scenario],
        "started": "the function"
        if report["mode"] == "lambda"
        else "the task that EventBridge ran",
        "answered": verdict.key,
        "rejected": verdict.key,
    }
    for what, after in seconds.items():
        print(f"  {after:6.2f} s  {what:9} {notes[what]}")
    file = keep(scenario, picture, verdict)
    if not verdict.is_answer:
        print(f"  rejected: {verdict.rejection['reason']}")
        print(f"  {json.dumps(verdict.rejection, ensure_ascii=False)}")
    return Outcome(scenario, verdict, seconds, report["milliseconds"], file, picture, notes)


def event_time(pipeline: Pipeline, tap: EventTap, key: str) -> float:
    """When the event came: EventBridge's time of it, or the start of the invocation.

    A notification of S3 to Lambda can't be watched; Lambda logs how long the invocation took.
    """
    if pipeline.outputs["Mode"] != "lambda":
        return tap.time_of_event(pipeline.bucket, key)
    took = re.compile(r"REPORT .*\tDuration: ([\d.]+) ms")
    for event in pipeline.log():
        if found := took.match(event["message"]):
            return float(event["timestamp"]) / 1000 - float(found[1]) / 1000
    raise NothingCame("Lambda's report of the invocation")


def keep(scenario: str, picture: Path, verdict: Verdict) -> Path:
    """Write the verdict where the user finds it, and nothing of an earlier run beside it."""
    answer = OUT / scenario / picture.name
    record = answer.with_name(f"{picture.name}.json")
    answer.parent.mkdir(parents=True, exist_ok=True)
    for earlier in (answer, record):
        earlier.unlink(missing_ok=True)
    file = answer if verdict.is_answer else record
    file.write_bytes(verdict.body)
    return file


def summarize(outcomes: list[Outcome]) -> None:
    """One line a scenario."""
    print(f"\n{'scenario':10}  {'outcome':8}  {'seconds':>7}  {'job ms':>6}  file")
    for outcome in outcomes:
        what, seconds = list(outcome.seconds.items())[-1]
        print(
            f"{outcome.scenario:10}  {what:8}  {seconds:7.2f}  {outcome.job_milliseconds:6}"
            f"  {outcome.file.relative_to(paths.ROOT)}"
        )
    if len(outcomes) > 1 and all(outcome.verdict.is_answer for outcome in outcomes):
        answers = {(outcome.file.name, outcome.verdict.body) for outcome in outcomes}
        same = len(answers) == len({name for name, _ in answers})
        print("The answers are the same, byte for byte." if same else "The answers DIFFER.")


def show(outcomes: list[Outcome]) -> None:
    """Write the page for people."""
    jobs = [
        page.Job(
            scenario=outcome.scenario,
            parameters=SCENARIOS[outcome.scenario],
            upload=outcome.upload,
            file=outcome.file,
            seconds=outcome.seconds,
            notes=outcome.notes,
            milliseconds=outcome.job_milliseconds,
        )
        for outcome in outcomes
    ]
    page.write(jobs, PAGE)
    print(f"All of it as a page: {PAGE.relative_to(paths.ROOT)}")


if __name__ == "__main__":
    sys.exit(main())

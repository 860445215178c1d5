"""The whole pipeline on the embedded AWS, from upload to output, for each scenario.

Leaves build/demo/<scenario>/<file name>, and a page of it all, build/demo/index.html, and nothing
of an earlier run. A second demo beside a running one has build/demo-2, and so on. Exit codes:
0 succeeded, 1 rejected or failed, 2 wrong arguments, 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import itertools
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from mazes import pictures
from tooling import build, paths
from tooling.commands import CommandFailed
from tooling.progress import step
from tooling.usage import MakeParser, existing_file

from . import page
from .aws import EmbeddedAws, NotStarted
from .event_tap import EventTap
from .executor import detect
from .pipeline import INPUT, NothingCame, Pipeline, Result
from .scenarios import SCENARIOS

LONGEST_JOB = 150
"""Seconds: the template's FunctionTimeout, and what comes before and after."""


@dataclass(frozen=True)
class Outcome:
    """What became of the upload in one scenario."""

    scenario: str
    result: Result
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
    with folder_of_its_own(chosen.build) as out:
        return demo(chosen.input, chosen.scenarios, out)


@contextlib.contextmanager
def folder_of_its_own(build: Path) -> Iterator[Path]:
    """A folder that no other demo uses meanwhile, with a lock beside it."""
    build.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = build / ("demo" if number == 1 else f"demo-{number}")
        with folder.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield folder
            return


def demo(picture: Path, scenarios: list[str], out: Path) -> int:
    """Run it with nothing of an earlier run in the folder; gives the exit code."""
    if picture.resolve().is_relative_to(out.resolve()):
        print(f"{picture} is in {_short(out)}, which the demo empties: copy it", file=sys.stderr)
        return 2
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    aws = EmbeddedAws(detect())
    try:
        outcomes = run(aws, picture, scenarios, out)
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
    show(outcomes, out)
    return 0 if all(outcome.result.is_output for outcome in outcomes) else 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The arguments; a wrong one ends the program with exit code 2, and says what is right."""
    parser = MakeParser("demo", "[INPUT=file] [SCENARIOS=...]", __doc__)
    parser.add_argument("--build", type=Path, default=paths.BUILD, help="where demo/ is made")
    parser.add_argument(
        "--input", type=existing_file, default=paths.SAMPLE, help="any picture of a maze"
    )
    parser.add_argument(
        "--scenarios",
        nargs="+",
        choices=SCENARIOS,
        default=list(SCENARIOS),
        metavar="SCENARIO",
        help=f"of {', '.join(SCENARIOS)}",
    )
    return parser.parse_args(arguments)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def run(aws: EmbeddedAws, picture: Path, scenarios: list[str], out: Path) -> list[Outcome]:
    """Build, start, deploy all stacks, then upload to one after the other."""
    print(f"The embedded AWS: {aws.executor.describe()}.")
    target = aws.executor.layer_target
    with contextlib.nullcontext() if build.is_built(target) else step("sam build"):
        aws.build()
    with step("starting"):
        aws.start()
    with step(f"deploying {', '.join(scenarios)}"):
        stacks = aws.deploy_all({f"demo-{name}": SCENARIOS[name] for name in scenarios})
    tap = EventTap(aws)
    pipelines = {name: Pipeline(aws, f"demo-{name}", stacks[f"demo-{name}"]) for name in scenarios}
    return [
        watch(name, pipeline, tap, each, out)
        for name, pipeline in pipelines.items()
        for each in [picture, *([of_the_other_size(picture, out)] if name == "hybrid" else [])]
    ]


def of_the_other_size(picture: Path, out: Path) -> Path:
    """One that hybrid's threshold sends to the engine that does not get the picture."""
    threshold = int(SCENARIOS["hybrid"]["HybridThresholdMiB"]) * 2**20
    return large_picture(out) if picture.stat().st_size <= threshold else paths.SAMPLE


def large_picture(out: Path) -> Path:
    """A maze of 1.4 MiB, for a task."""
    file = out / "large.bmp"
    pictures.maze(700, 700, corridor=10, wall=4).convert("RGB").save(file)
    return file


def watch(scenario: str, pipeline: Pipeline, tap: EventTap, picture: Path, out: Path) -> Outcome:
    """Upload the picture, wait for its result, show when what happened, keep the result."""
    key = INPUT + picture.name
    print(f"\n{scenario}: {picture.name}, {picture.stat().st_size:,} bytes")
    version = pipeline.upload(key, picture.read_bytes())
    try:
        result = pipeline.result(key, version, LONGEST_JOB)
    except NothingCame as error:
        said = [*(event["message"] for event in pipeline.log()), *pipeline.failures()]
        raise NothingCame("\n".join([str(error), *said])) from error
    report = pipeline.reports(key)[0]
    times = {"uploaded": pipeline.versions(key)[version].timestamp()}
    if scenario != "lambda":  # S3's notification to a function can't be watched
        times["event"] = tap.time_of_event(pipeline.bucket, key)
    times |= {
        "started": report["logged"] - report["milliseconds"] / 1000,
        "succeeded" if result.is_output else "rejected": pipeline.versions(result.key)[
            result.version
        ].timestamp(),
    }
    seconds = {what: time - times["uploaded"] for what, time in times.items()}
    notes = {
        "uploaded": f"s3://{pipeline.bucket}/{key}",
        "event": f"{'CloudTrail' if scenario == 'cloudtrail' else 'S3'} told EventBridge",
        "started": f"the {'function' if report['mode'] == 'lambda' else 'task'} that "
        f"{'S3' if scenario == 'lambda' else 'EventBridge'} started",
        "succeeded": result.key,
        "rejected": result.key,
    }
    for what, after in seconds.items():
        print(f"  {after:6.2f} s  {what:9} {notes[what]}")
    file = keep(out / scenario, picture, result)
    if not result.is_output:
        print(f"  rejected: {result.rejection['reason']}")
    return Outcome(scenario, result, seconds, report["milliseconds"], file, picture, notes)


def keep(folder: Path, picture: Path, result: Result) -> Path:
    """Write the result where the user finds it."""
    file = folder / (picture.name if result.is_output else f"{picture.name}.json")
    folder.mkdir(exist_ok=True)
    file.write_bytes(result.body)
    return file


def summarize(outcomes: list[Outcome]) -> None:
    """One line a scenario."""
    print(f"\n{'scenario':10}  {'outcome':9}  {'seconds':>7}  {'job ms':>6}  file")
    for outcome in outcomes:
        what, seconds = list(outcome.seconds.items())[-1]
        print(
            f"{outcome.scenario:10}  {what:9}  {seconds:7.2f}  {outcome.job_milliseconds:6}"
            f"  {_short(outcome.file)}"
        )
    if len(outcomes) > 1 and all(outcome.result.is_output for outcome in outcomes):
        outputs = {(outcome.file.name, outcome.result.body) for outcome in outcomes}
        same = len(outputs) == len({name for name, _ in outputs})
        print("The outputs are the same, byte for byte." if same else "The outputs DIFFER.")


def _short(file: Path) -> Path:
    return file.relative_to(paths.ROOT) if file.is_relative_to(paths.ROOT) else file


def show(outcomes: list[Outcome], out: Path) -> None:
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
    page.write(jobs, out / "index.html")
    print(f"All of it as a page: {_short(out / 'index.html')}")


if __name__ == "__main__":
    sys.exit(main())

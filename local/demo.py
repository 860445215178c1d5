"""The whole pipeline on the embedded AWS, from upload to output, for each scenario.

Leaves build/demo/<scenario>/<file name> (of several outputs a folder of that name), and a page of
it all, build/demo/index.html, and nothing of an earlier run. A second demo beside a running one has
build/demo-2, and so on. A job of your own is chosen by the environment (tooling/own_job.py). Exit
codes: 0 succeeded, 1 rejected or failed, 2 wrong arguments, 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from types import FrameType
from typing import NoReturn

from tooling import build, own_job, paths
from tooling.commands import CommandFailed
from tooling.progress import step
from tooling.usage import MakeParser, existing_file

from . import own_bucket, page
from .aws import EmbeddedAws, NotStarted
from .event_tap import EventTap
from .executor import detect
from .own_bucket import OwnBucket
from .pipeline import INPUT, NothingCame, Pipeline, Result, until
from .scenarios import OF_THE_DEMO as SCENARIOS
from .scenarios import OWN_BUCKET

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
    """The output or the rejection; of several outputs, the manifest."""
    files: tuple[page.Output, ...]
    """All outputs."""
    upload: Path
    notes: dict[str, str]
    bucket: page.Bucket | None = None
    """Where it is not the stack's own."""


@dataclass(frozen=True)
class Job:
    """What is run: by default the job that the template has by default."""

    folder: Path | None
    parameters: dict[str, str]

    @property
    def is_own(self) -> bool:
        return bool(self.folder or self.parameters)

    @property
    def scenarios(self) -> list[str]:
        """Those that can do it: a function has no Debian packages."""
        if not (self.folder and (self.folder / "packages.txt").exists()):
            return list(SCENARIOS)
        return [name for name, chosen in SCENARIOS.items() if chosen["Mode"] == "fargate"]


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; gives the exit code."""
    chosen = parse(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    with folder_of_its_own(chosen.build) as out:
        return demo(chosen.input, chosen.job, chosen.scenarios or chosen.job.scenarios, out)


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


def demo(upload: Path, job: Job, scenarios: list[str], out: Path) -> int:
    """Run it with nothing of an earlier run in the folder; gives the exit code."""
    if upload.resolve().is_relative_to(out.resolve()):
        print(f"{upload} is in {_short(out)}, which the demo empties: copy it", file=sys.stderr)
        return 2
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    aws = EmbeddedAws(detect(job.folder), job=job.folder)
    try:
        outcomes = run(aws, upload, job, scenarios, out)
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
    show(outcomes, job, out)
    return 0 if all(outcome.result.is_output for outcome in outcomes) else 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The arguments; a wrong one ends the program with exit code 2, and says what is right."""
    usage = "[INPUT=file] [JOB=folder] [PROCESSOR=...|COMMAND=...] [SCENARIOS=...]"
    parser = MakeParser("demo", usage, __doc__)
    parser.add_argument("--build", type=Path, default=paths.BUILD, help="where demo/ is made")
    parser.add_argument(
        "--input", type=existing_file, default=paths.SAMPLE, help="a picture of a maze, by default"
    )
    parser.add_argument(
        "--scenarios",
        nargs="+",
        choices=SCENARIOS,
        metavar="SCENARIO",
        help=f"of {', '.join(SCENARIOS)}; by default all that can do the job",
    )
    chosen = parser.parse_args(arguments)
    try:
        chosen.job = Job(own_job.folder(os.environ), own_job.parameters(os.environ))
    except own_job.NoFolder as error:
        parser.error(str(error))
    return chosen


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def run(aws: EmbeddedAws, upload: Path, job: Job, scenarios: list[str], out: Path) -> list[Outcome]:
    """Build, start, deploy all stacks, then upload to one after the other."""
    print(f"The embedded AWS: {aws.executor.describe(job.folder)}.")
    if set(SCENARIOS) - set(job.scenarios):
        print(f"The job has Debian packages, so only tasks can run it: {', '.join(scenarios)}.")
    target = aws.executor.layer_target
    with contextlib.nullcontext() if build.is_built(target, job.folder) else step("sam build"):
        aws.build()
    with step("starting"):
        aws.start()
        if OWN_BUCKET in scenarios:
            theirs = own_bucket.make(aws, SCENARIOS[OWN_BUCKET]["BucketName"], upload)
    with step(f"deploying {', '.join(scenarios)}"):
        chosen = {f"demo-{name}": SCENARIOS[name] | job.parameters for name in scenarios}
        stacks = aws.deploy_all(chosen)
    tap = EventTap(aws)
    suffix = job.parameters.get("OutputSuffix", "")
    outcomes = []
    for name in scenarios:
        pipeline = Pipeline(aws, f"demo-{name}", stacks[f"demo-{name}"], suffix)
        if name == OWN_BUCKET:
            show_earlier(theirs, pipeline)
        outcomes.append(watch(name, pipeline, tap, upload, out))
        if name == OWN_BUCKET:
            outcomes[-1] = replace(outcomes[-1], bucket=look_at(theirs, pipeline, upload, job))
        if name == "hybrid" and not job.is_own:
            outcomes.append(watch(name, pipeline, tap, of_the_other_size(upload, out), out))
    return outcomes


def show_earlier(theirs: OwnBucket, pipeline: Pipeline) -> None:
    """What was there before the stack gets its result, too."""
    key = theirs.earlier
    print(f"\n{OWN_BUCKET}: s3://{theirs.name} was there before, with {key}")
    print(f"  the sweep: {', '.join(f'{n} {what}' for what, n in theirs.sweep(pipeline).items())}")
    print(f"  {key}: {result_of(pipeline, key, next(iter(pipeline.versions(key)))).key}")


def look_at(theirs: OwnBucket, pipeline: Pipeline, upload: Path, job: Job) -> page.Bucket:
    """The bucket at the end, with a rejection where the job is known to have one."""
    if not job.is_own:
        key = f"{INPUT}broken-{upload.name}"
        broken = upload.read_bytes()[: upload.stat().st_size // 2]
        print(f"  {key}: {result_of(pipeline, key, pipeline.upload(key, broken)).key}")
    bucket = theirs.now(pipeline)
    print(f"  its notifications: {bucket.said}")
    print(f"  in the stack's own bucket: {', '.join(bucket.notes_objects)}")
    return bucket


def of_the_other_size(picture: Path, out: Path) -> Path:
    """One that hybrid's threshold sends to the engine that does not get the picture."""
    threshold = int(SCENARIOS["hybrid"]["HybridThresholdMiB"]) * 2**20
    return large_picture(out) if picture.stat().st_size <= threshold else paths.SAMPLE


def large_picture(out: Path) -> Path:
    """A maze of 1.4 MiB, for a task."""
    from mazes import pictures  # brings numpy, which nothing else here needs

    file = out / "large.bmp"
    pictures.maze(700, 700, corridor=10, wall=4).convert("RGB").save(file)
    return file


def watch(scenario: str, pipeline: Pipeline, tap: EventTap, upload: Path, out: Path) -> Outcome:
    """Upload the file, wait for its result, show when what happened, keep the result."""
    key = INPUT + upload.name
    print(f"\n{scenario}: {upload.name}, {upload.stat().st_size:,} bytes")
    version = pipeline.upload_file(key, upload)
    result = result_of(pipeline, key, version)
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
    file = keep(out / scenario, upload, result)
    if not result.is_output:
        print(f"  rejected: {result.rejection['reason']}")
    files = tuple(fetch(pipeline, result, file))
    for each in files:
        print(f"  {each.content_type}, {each.path.stat().st_size:,} bytes: {_short(each.path)}")
    return Outcome(scenario, result, seconds, report["milliseconds"], file, files, upload, notes)


def result_of(pipeline: Pipeline, key: str, version: str) -> Result:
    """The upload's result, once it is there. Raises NothingCame, with what failed."""

    def look() -> tuple[Result | None, list[str]] | None:
        found = pipeline.results(key)
        current = (each for each in found if each.metadata.get("source-version") == version)
        result = next(current, None)
        failures = [] if result else pipeline.failures()
        return (result, failures) if result or failures else None

    try:
        result, said = until(look, f"a result for {key!r}", LONGEST_JOB)
    except NothingCame as error:
        result, said = None, [str(error)]
    if not result:
        raise NothingCame("\n".join([*(event["message"] for event in pipeline.log()), *said]))
    return result


def keep(folder: Path, upload: Path, result: Result) -> Path:
    """Write the result where the user finds it."""
    if result.manifest or not result.is_output:
        name = f"{upload.name}.json"
    else:
        name = PurePosixPath(result.key).name
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_bytes(result.body)
    return file


def fetch(pipeline: Pipeline, result: Result, file: Path) -> Iterator[page.Output]:
    """The outputs: the one that is kept, or all that the manifest names, in a folder beside it."""
    for named in (result.manifest or {}).get("files", []):
        to = file.with_suffix("") / named["name"]
        pipeline.fetch(named["key"], to)
        yield page.Output(to, named["content_type"])
    if result.is_output and not result.manifest:
        yield page.Output(file, result.content_type)


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
        outputs = {
            (outcome.upload.name, *sorted((each.path.name, each.digest) for each in outcome.files))
            for outcome in outcomes
        }
        same = len(outputs) == len({outcome.upload for outcome in outcomes})
        print("The outputs are the same, byte for byte." if same else "The outputs DIFFER.")


def _short(file: Path) -> Path:
    return file.relative_to(paths.ROOT) if file.is_relative_to(paths.ROOT) else file


def show(outcomes: list[Outcome], job: Job, out: Path) -> None:
    """Write the page for people."""
    jobs = [
        page.Job(
            scenario=outcome.scenario,
            parameters=SCENARIOS[outcome.scenario] | job.parameters,
            upload=outcome.upload,
            file=outcome.file,
            outputs=outcome.files,
            seconds=outcome.seconds,
            notes=outcome.notes,
            milliseconds=outcome.job_milliseconds,
            bucket=outcome.bucket,
        )
        for outcome in outcomes
    ]
    page.write(jobs, out / "index.html")
    print(f"All of it as a page: {_short(out / 'index.html')}")


if __name__ == "__main__":
    sys.exit(main())

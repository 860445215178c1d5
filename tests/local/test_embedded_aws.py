"""The embedded AWS itself: it starts or says why not, and leaves nothing behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.aws import EmbeddedAws
from local.executor import PROCESSES, detect, no_docker, no_images
from local.pipeline import until
from tests.local import in_ministack
from tests.local.launches import (
    BROKEN,
    DENIED,
    KEY,
    MOST_RETRIES,
    NO_CAPACITY,
    STARTED,
    THROTTLED,
    WRONG,
    Responses,
    launch,
)
from tests.local.test_in_containers import invoke_a_function
from tooling import paths

PROC = Path("/proc")


def processes_of(directory: Path) -> list[str]:
    """The command lines of processes that work in or were told of this directory."""
    found = []
    for process in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            told += os.fsencode((process / "cwd").readlink())
            if str(directory).encode() in told and process.name != str(os.getpid()):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory in which all that the test starts keeps its state."""
    if not PROC.is_dir():
        pytest.skip("no /proc here to find processes in")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # it remembers the first TMPDIR
    yield tmp_path


def start_a_task_that_never_ends(aws: EmbeddedAws, package: Path) -> None:
    (package / "processing").mkdir()
    (package / "processing" / "__main__.py").write_text("import time; time.sleep(600)")
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName="c")
    environment = [{"name": "PYTHONPATH", "value": str(package)}]
    ecs.register_task_definition(
        family="endless",
        containerDefinitions=[{"name": "worker", "image": "any", "environment": environment}],
    )
    task = ecs.run_task(cluster="c", taskDefinition="endless")["tasks"][0]["taskArn"]

    def running() -> bool:
        found = ecs.describe_tasks(cluster="c", tasks=[task])["tasks"][0]
        return str(found["lastStatus"]) == "RUNNING"

    until(running, "the task running")


def test_two_run_side_by_side(aws: EmbeddedAws) -> None:
    with EmbeddedAws() as other:
        assert other.endpoint != aws.endpoint
        other.client("s3").create_bucket(Bucket="only-here")
        names = [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]]
        assert "only-here" not in names


def test_it_leaves_no_process_and_no_file(temporary: Path) -> None:
    package = temporary / "package"
    package.mkdir()
    with EmbeddedAws() as aws:
        start_a_task_that_never_ends(aws, package)
        assert len(processes_of(temporary)) > 1  # more than the emulator
    assert processes_of(temporary) == []
    assert list(temporary.iterdir()) == [package]


def test_it_ends_with_an_error_in_the_block(temporary: Path) -> None:
    with pytest.raises(ZeroDivisionError), EmbeddedAws():
        1 / 0  # noqa: B018
    assert processes_of(temporary) == []
    assert list(temporary.iterdir()) == []


def test_it_ends_with_whoever_started_it_even_if_killed(temporary: Path) -> None:
    program = (
        "import time; from local.aws import EmbeddedAws; aws = EmbeddedAws(); aws.start();"
        "print('started', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=paths.ROOT, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == "started\n"
        assert len(processes_of(temporary)) == 2
        owner.kill()
    until(lambda: not processes_of(temporary), "no process left", 10)
    assert [path.suffix for path in temporary.iterdir()] == [".log"]


def start_emulator(directory: Path, code: str = "", **environment: str) -> tuple[int, str]:
    """Run it where it is not expected to start; gives the exit code and what it said."""
    program = (
        f"{code}\nimport runpy, sys\nsys.argv[1:] = ['--directory={directory}',"
        f" '--layer={directory}']\n"
        "runpy.run_module('local.emulator', run_name='__main__')"
    )
    done = subprocess.run(
        [paths.PYTHON_MINISTACK, "-c", program],
        cwd=paths.ROOT,
        env={"PATH": os.defpath, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def test_another_ministack_is_refused_by_name(tmp_path: Path) -> None:
    other = tmp_path / "ministack-9.9.9.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: ministack\nVersion: 9.9.9\n")
    code, said = start_emulator(tmp_path, PYTHONPATH=str(tmp_path))
    assert code == 2
    assert "ministack 9.9.9 is installed, and the links are written for 1.5.33" in said
    assert "make clean setup" in said


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "from ministack.services import ecs\ndel ecs._mark_task_stopped",
            "ministack.services.ecs._mark_task_stopped does not exist"
            " (ECS Task State Change events)",
        ),
        (
            "from ministack.services import s3\ns3._fire_s3_event_async = lambda bucket: None",
            "ministack.services.s3._fire_s3_event_async takes (bucket), not"
            " (bucket_name, key, event_name, ...)"
            " (AWS::CloudTrail::Trail and data events of S3)",
        ),
    ],
)
def test_a_patch_point_that_is_gone_is_named(tmp_path: Path, code: str, says: str) -> None:
    exit_code, said = start_emulator(tmp_path, code)
    assert exit_code == 2
    assert says in said


def test_the_executor_says_what_it_is_and_how_to_get_containers() -> None:
    chosen = detect()
    if no_docker():
        assert chosen is PROCESSES
        assert no_docker() in chosen.describe()
    elif no_images():
        assert chosen is PROCESSES
        assert no_images() in chosen.describe()
        assert "make image" in chosen.describe()
    else:
        assert "containers" in chosen.describe()
        assert chosen.worker_image in chosen.describe()


def test_a_docker_that_does_not_respond_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert no_docker() in ("Docker does not respond", "there is no Docker here")
    assert detect() is PROCESSES


# ---- What its links mend ------------------------------------------------------------------------


def test_a_launch_is_retried_where_that_may_help(tmp_path: Path) -> None:
    table: list[tuple[Responses, int, list[object] | None]] = [
        ([STARTED], 1, None),
        ([THROTTLED, BROKEN, STARTED], 3, None),
        ([NO_CAPACITY, STARTED], 2, None),
        ([THROTTLED], 3, ["THROTTLING", "MaximumRetryAttempts", MOST_RETRIES]),
        ([NO_CAPACITY], 3, ["ERROR_FROM_TARGET", "MaximumRetryAttempts", MOST_RETRIES]),
        ([DENIED, STARTED], 1, ["NO_PERMISSIONS", "", 0]),
        ([WRONG, STARTED], 1, ["SDK_CLIENT_ERROR", "", 0]),
    ]
    launched = launch([responses for responses, _, _ in table], tmp_path)
    for (responses, calls, given_up), said in zip(table, launched, strict=True):
        assert (len(said["calls"]), said["given_up"]) == (calls, given_up), responses
        (override,) = said["calls"][0]["overrides"]["containerOverrides"]
        assert override["environment"] == [{"name": "S3_KEY", "value": KEY}], responses


def test_a_function_as_a_process_keeps_its_disk_and_goes_on_after_it_raised(
    aws: EmbeddedAws,
) -> None:
    """And the disk is not the machine's /tmp, which the job's worker would empty."""
    known = "[os.environ['DISK'], os.getpid()]"
    first = invoke_a_function(aws, f"return 1 / 0 if event else {known}")
    disk = Path(first[0])
    assert disk.parent == aws.layer.parents[1]
    assert list(disk.iterdir()) == []
    function = aws.client("lambda")
    raised = function.invoke(FunctionName="f", Payload=b'"fail"')
    assert raised["FunctionError"] == "Unhandled"
    assert json.load(raised["Payload"])["errorMessage"] == "division by zero"
    assert json.load(function.invoke(FunctionName="f")["Payload"]) == first


TASKS = """
import resource, sys, threading
from pathlib import Path
from local.emulator.processes import Containers

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, most))
containers = Containers(Path(sys.argv[1]))
for number in range(OPEN_FILES):
    ended = containers.run("any", name=str(number), environment={})
    assert list(ended.logs()) == [b"\\n"]
"""
OPEN_FILES = 20


def test_tasks_that_ended_keep_no_file_open(tmp_path: Path) -> None:
    """With the usual limit of 1,024 open files, the thousandth task did not start."""
    package = tmp_path / "python" / "processing"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text("print()")
    program = TASKS.replace("OPEN_FILES", str(OPEN_FILES))
    in_ministack.run(program, str(tmp_path), temporary=tmp_path)


SESSIONS = """
import threading
from ministack.services import sts
from local.emulator import credentials

class Sessions(dict):
    "While somebody walks through it, another thread comes with a new session."

    def items(self):
        for item in super().items():
            yield item
            if not others:
                others.append(threading.Thread(target=sts.register_session, args=("other", {})))
                others[0].start()
                others[0].join(0.5)

others = []
sts._sessions = Sessions(first={})
credentials.SESSIONS.apply()
sts.register_session("second", {})
others[0].join(5)
print(*sts._sessions)
"""


def test_two_sessions_at_once_do_not_disturb_one_another(tmp_path: Path) -> None:
    """On a busy machine, tasks did not start for this."""
    printed = in_ministack.run(SESSIONS, temporary=tmp_path)
    assert printed.split() == ["first", "second", "other"]


LATE_LOG = """
from local.emulator.containers import WholeLogs

class Container:
    "Docker has a line more of its log each time that it is asked."
    lines = [b"START RequestId: 1\\n", b"the job's report\\n", b"REPORT RequestId: 1 ...\\n"]
    asked = 0

    def logs(self, since, stdout):
        self.asked += 1
        return b"".join(self.lines[:self.asked])

print(WholeLogs(Container()).logs(since=1.0, stdout=True).decode())
"""


def test_what_a_function_printed_is_logged_however_late_docker_has_it(tmp_path: Path) -> None:
    """On a busy machine, the report of a job was in no log for this."""
    assert "the job's report" in in_ministack.run(LATE_LOG, temporary=tmp_path).splitlines()


def test_an_interrupt_ends_it(temporary: Path) -> None:
    program = "from local.aws import EmbeddedAws\nimport time\nwith EmbeddedAws(): time.sleep(600)"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=paths.ROOT,
        stderr=subprocess.DEVNULL,
    ) as owner:
        until(lambda: list(temporary.glob("embedded-aws-*/endpoint")), "it started")
        time.sleep(0.5)
        owner.send_signal(signal.SIGINT)
        owner.wait(30)
    assert processes_of(temporary) == []


SERVICES = """
import sys
from local.emulator import imports
imports.spare(containers=False)
from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners

executed = lambda name: "handle_request" in vars(sys.modules[f"ministack.services.{name}"])
print(provisioners._dynamodb is sys.modules["ministack.services.dynamodb"], executed("dynamodb"))
print(callable(provisioners._dynamodb.handle_request), executed("dynamodb"))
"""


def test_a_service_is_imported_where_it_is_asked_for_something(tmp_path: Path) -> None:
    """One that no stack of ours needs is there for whoever has it in a template of their own."""
    printed = in_ministack.run(SERVICES, temporary=tmp_path)
    assert printed.split() == ["True", "False", "True", "True"]


MODELS = """
from local.emulator import service_models
from ministack.core import responses

whole = responses._service_model
service_models.LINK.apply()
for service in ("s3", "ec2", "monitoring", "sqs", "lambda"):
    head = responses._service_model(service)
    for name in ("protocol", "jsonVersion", "apiVersion"):
        assert head.metadata.get(name) == whole(service).metadata.get(name), (service, name)
    assert head.operation_names == whole(service).operation_names
assert responses._service_model("nothing") is None
"""


def test_the_head_of_a_services_model_says_what_the_whole_says(tmp_path: Path) -> None:
    in_ministack.run(MODELS, temporary=tmp_path)

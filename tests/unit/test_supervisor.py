"""A job in a process of its own: whatever it does, the worker is there and says how it ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processing import command, folder, processes, reports
from processing.errors import Exhausted, Failed, OutOfTime, Rejected, WrongProcessor
from processing.joblog import LONGEST_LINE, MOST_BYTES
from processing.output import Made, Source
from processing.supervisor import Supervisor

from tests.support.jobs import bad

JOBS = Path(__file__).parents[1] / "support" / "jobs"
SECRET = "a secret of the worker's"


class Run:
    """What one job made and said."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.seconds: float | None = None
        self.room_mib: int | None = None
        """The memory that the job has beside this process's own."""
        self.supervisor: Supervisor | None = None

    def __call__(
        self, name: str = "", body: bytes = b"hi", words: tuple[str, ...] = (), key: str = "a/b.txt"
    ) -> dict[str, bytes]:
        """The files' contents by their names."""
        environment = {"PATH": os.environ["PATH"]}
        mib = self.room_mib and (processes.resident([os.getpid()]) >> 20) + self.room_mib
        memory = mib and mib * 8 // 7
        self.supervisor = Supervisor(name, words, environment, memory, self.lines.append)
        return self.again(body, key)

    def again(self, body: bytes, key: str = "a/b.txt") -> dict[str, bytes]:
        """One more job of the same supervisor."""
        assert self.supervisor
        with folder.made(None) as place:
            place.empty()
            path = place.source / "source.txt"
            path.write_bytes(body)
            source = Source(path, f"input/{key}", key, "text/plain", {}, len(body), "v")
            made: Made = self.supervisor(source, place, self.seconds)
            return {each.name: each.path.read_bytes() for each in made.files}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a job. Of it nothing may be alive afterwards: runner and fork are for the next."""
    monkeypatch.syspath_prepend(JOBS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    before = processes.descendants(os.getpid())
    run = Run()
    yield run
    after = [each for each in processes.descendants(os.getpid()) if each not in before]
    assert len(after) <= 2
    if run.supervisor:
        run.supervisor.close()
    assert [each for each in processes.descendants(os.getpid()) if each not in before] == []


@pytest.mark.parametrize("name", ["thread", "threads", "child", "daemon", "closed"])
def test_a_job_that_leaves_something_behind_has_its_result(run: Run, name: str) -> None:
    run.room_mib = 300
    assert run(f"bad:{name}") == {"output": b"hi"}


@pytest.mark.parametrize("name", ["deaf", "hang_in_c"])
def test_a_job_that_never_ends_is_out_of_time(run: Run, name: str) -> None:
    run.seconds = 0.5
    began = time.monotonic()
    with pytest.raises(OutOfTime, match=r"it takes more than 0\.5 s to process"):
        run(f"bad:{name}")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("kill_parent", "the processor bad:kill_parent killed the runner, its parent process"),
        ("kill_itself", r"bad:kill_itself was ended by signal 9 \(SIGKILL\)"),
        ("exit_0", "SystemExit: 0"),
        ("exit_3", "SystemExit: 3"),
        ("end_0", "bad:end_0 ended its process with exit code 0"),
        ("end_65", "bad:end_65 ended its process with exit code 65"),
        ("abort", r"signal 6 \(SIGABRT\)"),
        ("segfault", r"signal 11 \(SIGSEGV\)"),
        ("interrupt", "^KeyboardInterrupt$"),
        ("no_message", "^ValueError$"),
        ("group", r"ExceptionGroup: both \(2 sub-exceptions\) \[ValueError: one; OSError: other\]"),
        ("lines", "^ValueError: first\nsecond$"),
        ("no_text", "^ValueError: half .* of a character$"),
        ("unreadable", "^Odd: without a readable message$"),
        ("nothing", "the job succeeded, but left no file"),
    ],
)
def test_a_job_that_ends_badly_failed_with_the_reason(run: Run, name: str, reason: str) -> None:
    with pytest.raises(Failed, match=reason):
        run(f"bad:{name}")


def test_the_traceback_is_in_the_log(run: Run) -> None:
    with pytest.raises(Failed):
        run("bad:lines")
    assert "| ValueError: first" in run.lines
    assert any('File "' in line and "bad.py" in line for line in run.lines)


def test_a_flood_is_bounded_and_its_end_is_there(run: Run) -> None:
    assert run("bad:flood") == {"output": b"hi"}
    assert sum(len(line.encode()) for line in run.lines) < MOST_BYTES + 50 * 4 * LONGEST_LINE
    assert all(line.startswith("| ") and line.isprintable() for line in run.lines)
    assert run.lines[-1] == "| the end"


def test_no_line_of_a_job_is_taken_for_a_report(run: Run) -> None:
    with pytest.raises(Failed, match="ValueError: in truth it failed"):
        run("bad:lie")
    assert any('"outcome"' in line for line in run.lines)
    assert [line for line in run.lines if reports.read(line)] == []


@pytest.mark.parametrize("name", ["allocate", "map_memory", "allocate_in_child"])
def test_a_job_that_takes_all_memory_is_ended_before_the_worker_is(run: Run, name: str) -> None:
    run.room_mib = 300
    with pytest.raises(Exhausted, match="memory"):
        run(f"bad:{name}")


def test_a_job_without_room_on_the_disk_says_so(run: Run) -> None:
    with pytest.raises(Exhausted, match="disk"):
        run("bad:no_room")


def test_what_several_processes_share_counts_once(run: Run) -> None:
    run.room_mib = 450
    assert run("bad:share") == {"output": b"hi"}


def test_temporary_files_work_and_each_job_finds_none(run: Run) -> None:
    assert run("bad:write") == run("bad:write") == {"output": b"[]"}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("bad:wrong_type", "the processor bad:wrong_type returned int; it must return Output"),
        ("bad:wrong_arguments", "PROCESSOR is 'bad:wrong_arguments'; it must take \\(body"),
        ("bad:not_there", "PROCESSOR is 'bad:not_there'; it must be .* no attribute"),
        ("no_such_module:f", "No module named 'no_such_module'"),
        ("bad:GIB", "PROCESSOR is 'bad:GIB'; it must be .*it is no function, but int"),
    ],
)
def test_a_wrong_processor_is_named(run: Run, name: str, problem: str) -> None:
    with pytest.raises(WrongProcessor, match=problem):
        run(name)


def test_no_credentials_are_to_be_found(run: Run) -> None:
    """Root may read all processes, so the parents' are tried in real containers alone."""
    (found,) = run("bad:spy").values()
    own = found.partition(b"}")[0]
    assert SECRET.encode() not in own
    assert b"AWS_" not in own


def test_a_runner_serves_one_job_after_the_other(run: Run) -> None:
    run("bad:write")
    for body in (b"one", b"two"):
        run.again(body)
    assert run.lines == []


def test_a_job_that_is_out_of_time_harms_no_later_one(run: Run) -> None:
    run.seconds = 2
    program = 'test -s "$INPUT" || sleep 3600; cp "$INPUT" "$OUTPUT/copy"'
    with pytest.raises(OutOfTime):
        run(body=b"", words=("sh", "-c", program))
    assert run.again(b"hi") == {"copy": b"hi"}


def test_a_fork_that_is_killed_before_its_job_harms_no_later_one(run: Run) -> None:
    before = processes.descendants(os.getpid())
    run("bad:write")
    ours: list[int] = []
    while len(ours) < 2:  # the next job's process is there before the job
        ours = [each for each in processes.descendants(os.getpid()) if each not in before]
    os.kill(ours[-1], signal.SIGKILL)
    with pytest.raises(Failed, match="SIGKILL"):
        run.again(b"one")
    run.again(b"two")


def test_a_job_has_none_of_the_pipes_between_worker_and_runner(run: Run) -> None:
    """By them it could say that it ended, or take the next job's orders."""
    inherited = bad.pipes(b"", "")[0].split()
    found = run("bad:pipes")["output"].split()
    assert [each for each in found if each not in inherited] == []


def test_a_job_is_in_a_session_of_its_own(run: Run) -> None:
    """So that a signal to its group, as from `kill 0`, reaches neither runner nor worker."""
    made = run(words=(*SHELL, 'echo $$ $(cut -d " " -f 5,6 /proc/$$/stat) > "$OUTPUT/ids"'))
    process, group, session = made["ids"].split()
    assert process == group == session


def test_files_and_folders_are_outputs(run: Run) -> None:
    made = run("bad:files")
    assert made == {"in a folder/copy.bin": b"hi", "kept.txt": b"input/a/b.txt a/b.txt 2"}


@pytest.mark.parametrize("name", ["link", "pipe"])
def test_what_is_no_file_is_no_output(run: Run, name: str) -> None:
    with pytest.raises(Rejected, match=f"the job left '{name}', which is neither a file nor a"):
        run(f"bad:{name}")


@pytest.mark.parametrize("name", ["folder_removed", "folder_linked"])
def test_a_folder_that_is_no_longer_the_jobs_has_no_outputs(run: Run, name: str) -> None:
    with pytest.raises(Failed, match="the job removed or replaced its folder for outputs"):
        run(f"bad:{name}")


@pytest.mark.parametrize("name", ["outcome_as_link", "outcome_as_pipe", "outcome_without_end"])
def test_an_outcome_that_is_no_small_file_says_nothing(run: Run, name: str) -> None:
    with pytest.raises(Failed, match=f"bad:{name} ended its process with exit code 3"):
        run(f"bad:{name}")


SHELL = ("sh", "-c")


def test_a_command_has_its_placeholders_as_arguments_and_as_variables(run: Run) -> None:
    program = 'cat "$1" > "$2/$STEM.copy"; echo "$KEY $NAME ${INPUT##*/}" > "$OUTPUT/said"'
    words = (*SHELL, program, "name", "{input}", "{output}", "{stays} ${1}")
    made = run(words=words, key="-a/-b ü.tar.gz")
    assert made == {
        "_b ü.tar.copy": b"hi",
        "said": "_a_-b ü.tar.gz _b ü.tar.gz source.txt\n".encode(),
    }


@pytest.mark.parametrize(
    ("program", "error", "reason"),
    [
        ("echo why >&2; exit 65", Rejected, "^why$"),
        ("exit 65", Rejected, "^'sh' ended with exit code 65, and printed no reason$"),
        ("echo first >&2; echo last >&2; exit 1", Failed, "^'sh' ended .* exit code 1: last$"),
        ("kill -9 $$", Failed, r"^'sh' was ended by signal 9 \(SIGKILL\)$"),
        ("true", Failed, "left no file in {output}"),
    ],
)
def test_a_commands_exit_code_is_its_outcome(
    run: Run, program: str, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        run(words=(*SHELL, program))


def test_what_a_command_leaves_in_the_background_is_ended(run: Run) -> None:
    """Its parent is gone, so that it would be the child of another process than the worker."""
    made = run(words=(*SHELL, 'sleep 3600 & echo $! > "$OUTPUT/pid"'))
    with pytest.raises(ProcessLookupError):
        os.kill(int(made["pid"]), 0)


def test_a_worker_that_is_killed_takes_its_runner_and_job_along(run: Run) -> None:
    processes.adopt_orphans()  # so that this process hears how they ended
    worker, began = os.fork(), time.monotonic()
    if not worker:
        try:
            run(words=("sleep", "5"))
        finally:
            os._exit(1)
    pids: list[int] = []
    while len(pids) < 2 or Path(f"/proc/{pids[1]}/comm").read_text() != "sleep\n":
        assert time.monotonic() - began < 10
        pids = processes.descendants(worker)
    os.kill(worker, signal.SIGKILL)
    assert [os.waitpid(pid, 0)[1] for pid in (worker, *pids)] == [signal.SIGKILL] * 3


def test_a_command_ends_at_a_closed_pipe_as_from_a_shell(run: Run) -> None:
    """Python ignores SIGPIPE, and what it execs would: programs then complain, or never end."""
    made = run(words=(*SHELL, 'yes | head -n 1 > "$OUTPUT/first"'))
    assert made == {"first": b"y\n"}
    assert run.lines == []


def test_the_kernel_takes_a_job_before_its_worker(run: Run) -> None:
    made = run(words=(*SHELL, 'cat /proc/self/oom_score_adj > "$OUTPUT/score"'))
    assert made == {"score": b"1000\n"}


def test_a_program_that_is_not_there_is_named(run: Run) -> None:
    with pytest.raises(WrongProcessor, match="the program 'no-such-program' is not there"):
        run(words=("no-such-program",))


def test_a_folder_is_removed_whatever_its_modes(tmp_path: Path) -> None:
    locked = tmp_path / "folder"
    (locked / "inner").mkdir(parents=True)
    (locked / "inner" / "file").write_text("x")
    (locked / "inner").chmod(0)
    locked.chmod(0)
    folder.remove(locked)
    assert not locked.exists()


def test_a_disk_is_empty_before_a_job_and_after_it(tmp_path: Path) -> None:
    (tmp_path / "left behind").write_text("x")
    with folder.made(tmp_path) as place:
        place.empty()
        assert list(tmp_path.iterdir()) == [place.path]
    assert list(tmp_path.iterdir()) == []


def test_an_uploads_file_has_its_extension_if_it_is_plain() -> None:
    names = ["a/b.tar.GZ", "b", "b.a b", "b.-x", f"b.{'x' * 17}"]
    assert list(map(command.source_name, names)) == ["source.GZ", *["source"] * 4]

"""What a container forbids, for a process of this machine: in namespaces of its own, it finds every
file system read-only but its volumes and /dev/shm, is process 1 of those that it starts, is another
user without any rights, and all of them end with it.

It takes `unshare` and `setpriv` of util-linux, and a kernel that lets its users have namespaces. It
is there to show what a container would, and no jail: the machine's files can be read.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
import threading
import venv
from pathlib import Path

LAYER = Path("/run/layer")
"""Where the process finds its layer: nobody needs the machine's /run, and every Linux has one."""
PYTHON = "bin/python"
"""In the folder of an interpreter."""
INTERPRETER = Path("/run/interpreter")
"""Where it finds its Python: one that lies elsewhere may lie where a volume is mounted."""

_COMMANDS = ("unshare", "setpriv")
_NAMESPACES = (
    "--user",
    "--map-root-user",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
)
_INSIDE = """
set -e
uid=$1 gid=$2
shift 2
# All are held first: where one is mounted, another's folder may be.
held=3
for volume; do
  [ "$volume" != -- ] || break
  eval "exec $held"'<"${volume%%:*}"'
  held=$((held + 1))
done
mount -t tmpfs -o mode=755 tmpfs /run
held=3
for volume; do
  [ "$volume" != -- ] || break
  rest=${volume#*:}
  point=${rest%:*}
  [ -d "$point" ] || mkdir -p "$point"
  mount --no-canonicalize --bind "/proc/self/fd/$held" "$point"
  eval "exec $held<&-"
  held=$((held + 1))
done
# At once, for each of so many commands takes longer than some jobs. Some can't be, and are already.
mount --all -t noproc -o remount,bind,ro 2>/dev/null || :
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
while [ "$1" != -- ]; do
  rest=${1#*:}
  [ "${rest##*:}" = ro ] || mount -o "remount,bind,${rest##*:}" "${rest%:*}"
  shift
done
shift
cd /
exec unshare --user --map-user="$uid" --map-group="$gid" \
  setpriv --no-new-privs --inh-caps=-all --ambient-caps=-all -- "$@"
"""
"""Arguments: user, group, what to mount, --, the command."""


def make_interpreter(folder: Path) -> None:
    """A Python that has its standard library and nothing else, as the image's has: what this
    machine has installed would hide what the layer lacks."""
    venv.create(folder, symlinks=True)


def isolated(
    arguments: list[str], interpreter: Path, layer: Path, volumes: list[str], user: str
) -> list[str]:
    """The command that runs Python so, with these arguments and these volumes, as Docker names
    them: folder:mount point:ro|rw."""
    uid, _, gid = user.partition(":")
    mounted = [f"{layer}:{LAYER}:ro", f"{interpreter}:{INTERPRETER}:ro", *volumes]
    command = [str(INTERPRETER / PYTHON), *arguments]
    inside = ["sh", "-c", _INSIDE, "sh", uid, gid or uid, *mounted, "--", *command]
    return ["unshare", *_NAMESPACES, *inside]


def first_process(unshare: int) -> int | None:
    """The process that is number 1 to itself; None before it began and after it ended."""
    try:
        children = Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()
    except FileNotFoundError:
        return None
    return int(children[0]) if children else None


@functools.cache
def problem() -> str:
    """Why it can't be done here; empty when it can."""
    for command in _COMMANDS:
        if not shutil.which(command):
            return f"there is no {command} here"
    itself = f"/proc/self/task/{threading.get_native_id()}/children"
    if not Path(itself).exists():
        return "this kernel does not tell a process's children"
    with tempfile.TemporaryDirectory(prefix="isolation-") as folder:
        layer, volume, interpreter = (Path(folder, name) for name in ("layer", "volume", "python"))
        layer.mkdir()
        volume.mkdir()
        make_interpreter(interpreter)
        root = "import os; assert os.statvfs('/').f_flag & os.ST_RDONLY"
        test = f"{root}; open('/tmp/new', 'x'); open('{LAYER}/new', 'x')"
        tried = isolated(["-c", test], interpreter, layer, [f"{volume}:/tmp:rw"], "1:1")
        done = subprocess.run(tried, capture_output=True, text=True, timeout=60, check=False)
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return "" if last.startswith("OSError: [Errno 30]") else f"unshare: {last}"

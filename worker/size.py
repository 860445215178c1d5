"""Refuse a layer that is too large for Lambda while it is built, and say what is in it.

    python size.py LAYER

Lambda would refuse it, too, but at the end of a deployment and without a word of what is large.
"""

from __future__ import annotations

import sys
from pathlib import Path

LIMIT = 262_144_000
"""Bytes, unzipped, of a layer, and of a function with its layers: the number in Lambda's refusal of
a LayerVersion (strands-agents/docs#20); its guide calls it 250 MB (gettingstarted-limits)."""
SHOWN = 12


def size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def main() -> int:
    layer = Path(sys.argv[1])
    if (whole := size(layer)) <= LIMIT:
        return 0
    print(
        f"The layer has {whole:,} bytes, and Lambda takes {LIMIT:,} at most. What is in it:",
        file=sys.stderr,
    )
    sizes = sorted(((size(path), path.name) for path in (layer / "python").iterdir()), reverse=True)
    for each, name in sizes[:SHOWN]:
        print(f"{each:>14,}  {name}", file=sys.stderr)
    if rest := sum(each for each, _ in sizes[SHOWN:]):
        print(f"{rest:>14,}  {len(sizes) - SHOWN} others", file=sys.stderr)
    print(
        "Leave something out of the job's folder and its requirements.txt, or of worker/. What "
        "can't be left out needs an image of your own: WorkerImageUri.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""What the benchmark shows on the screen."""

from __future__ import annotations

from collections.abc import Sequence

from . import cold_start as cold
from . import speed
from .goals import Goal
from .kinds import LARGE, Kind
from .transfers import Transfer

_COLUMNS = (
    ("picture", 22),
    ("Mpixel", 7),
    ("path", 9),
    ("codec s", 8),
    ("job s", 8),
    ("ratio", 6),
    ("limit", 6),
    ("B/pixel", 8),
    ("(codec)", 8),
    ("peer s", 8),
    ("times", 6),
    ("rounds", 7),
)


def head() -> str:
    return _line([name for name, _ in _COLUMNS])


def row(result: speed.Result) -> str:
    peer = times = "-"
    large = result.pixels >= 1e6  # else it is memory that has nothing to do with pixels
    rounds = str(result.rounds)
    if result.peer is not None:
        more = "" if result.peer_rounds else ">"
        peer, times = f"{more}{_short(result.peer)}", f"{more}{result.peer / result.job:.0f}"
        rounds += f", {result.peer_rounds}"
    return _line(
        [
            result.name,
            f"{result.pixels / 1e6:.2f}",
            str(result.length),
            _short(result.codec),
            _short(result.job),
            f"{result.ratio:.2f}",
            f"{result.limit:.1f}" if result.ratio <= result.limit else f"{result.limit:.1f} !",
            f"{result.bytes_per_pixel:.1f}" if large else "-",
            f"{result.codec_bytes_per_pixel:.1f}" if large else "-",
            peer,
            times,
            rounds,
        ]
    )


def legend() -> str:
    return (
        "seconds are the processor's, medians; codec: decode + encode alone; job: decode, mask,\n"
        "search, draw, encode; ratio: job / codec; B/pixel: peak memory above the interpreter,\n"
        "both files included; peer: mazesolver, its start not counted; times: peer / job;\n"
        "rounds: of job and codec each, of the peer (>: none ended in its time)\n"
    )


def cold_start(result: cold.Result) -> str:
    parts = ", ".join(f"{name} {seconds:.3f}" for name, seconds in result.parts.items())
    recipe = ", ".join(f"{name} {seconds:.2f}" for name, seconds in result.recipe.items())
    total = sum(result.recipe.values())
    megabytes = f"{result.layer_bytes / 1e6:.1f} MB, zipped {result.layer_zipped_bytes / 1e6:.1f}"
    return (
        f"{result.picture}, seconds, medians of {result.rounds}:\n"
        f"  process from start to exit   {result.job:.3f}\n"
        f"  start to output stored       {sum(result.parts.values()):.3f} = {parts}\n"
        f"  of that beside solving       {result.overhead:.3f}\n"
        f"  the recipe's way             {total:.2f} = {recipe} "
        f"(medians of {result.recipe_rounds}), {total / result.job:.0f} times as long\n"
        f"  layer, {result.layer.ljust(22)}{megabytes}"
    )


def kinds(measured: Sequence[Kind]) -> str:
    megabytes = round(LARGE / 1e6)
    lines = [
        "an upload copied by each kind of processor: a process from start to end, seconds of the\n"
        f"clock / of the processor, medians of {measured[0].rounds}; and by a warm function",
        f"  {'':9}{'1 KB':>15}{f'{megabytes} MB':>15}{'warm, 1 KB':>12}",
    ]
    for each in measured:
        small = f"{each.small:.3f} / {each.small_processor:.3f}"
        large = f"{each.large:.3f} / {each.large_processor:.3f}"
        lines.append(f"  {each.name:9}{small:>15}{large:>15}{each.warm:>12.4f}")
    return "\n".join(lines)


def transfers(moved: Transfer) -> str:
    gigabytes = 2 * moved.size / 1e9
    lines = [
        f"{moved.size / 1e9:g} GB in and as many out, on loopback, medians of {moved.rounds}:",
        f"  {'':22}{'seconds':>9}{'processor s/GB':>16}{'MiB':>7}",
    ]
    for name, seconds, processor, memory in (
        ("whole job", moved.job, moved.job_processor, moved.job_memory),
        ("aws s3 cp, CRT client", moved.peer, moved.peer_processor, moved.peer_memory),
    ):
        per_gigabyte = processor / gigabytes
        lines.append(f"  {name:22}{seconds:>9.2f}{per_gigabyte:>16.2f}{memory / 2**20:>7.0f}")
    lines += [
        f"  job / peer            {moved.ratio:>9.2f}{moved.ratio_processor:>16.2f}",
        f"  the server alone      {moved.server:>9.2f}; of the processor it took "
        f"{moved.server_processor / moved.job:.2f} while the job ran",
    ]
    return "\n".join(lines)


def goals(reached: Sequence[Goal]) -> str:
    lines = ["", "goals"]
    for goal in reached:
        mark = "note" if goal.limit is None else "pass" if goal.met else "MISS"
        limit = "" if goal.limit is None else f"<= {goal.limit:g}"
        lines.append(f"  {mark}  {goal.value:.2f} {limit:7}  {goal.goal} ({goal.where})")
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    first, *others = zip(cells, _COLUMNS, strict=True)
    return first[0].ljust(first[1][1]) + "".join(cell.rjust(width) for cell, (_, width) in others)


def _short(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 10 else f"{seconds:.1f}"

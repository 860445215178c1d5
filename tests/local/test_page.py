"""The demo's page, as a browser shows it: pictures loaded, nothing refused, all scenarios."""

import base64
import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from local import page
from local.page import stack
from local.scenarios import OF_THE_DEMO, SCENARIOS
from tooling import paths

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine")
TIMES = {"uploaded": 0.0, "event": 0.1, "started": 0.5, "succeeded": 0.9}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of all scenarios, and of a broken file whose name is markup."""
    folder = tmp_path_factory.mktemp("page")
    jobs = [job(folder, name, paths.SAMPLE, paths.SAMPLE.read_bytes()) for name in SCENARIOS]
    broken = folder / "<script>alert(1)<:script>.png"
    broken.write_bytes(paths.SAMPLE.read_bytes()[:1000])
    record = json.dumps({"reason": "the picture is <b>damaged</b>"}).encode()
    jobs.append(job(folder, "lambda", broken, record, "rejected"))
    page.write(jobs, folder / "index.html")
    return folder / "index.html"


def job(
    folder: Path, scenario: str, upload: Path, result: bytes, outcome: str = "succeeded"
) -> page.Job:
    file = folder / scenario / (upload.name + (".json" if outcome == "rejected" else ""))
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(result)
    seconds = {what if what != "succeeded" else outcome: at for what, at in TIMES.items()}
    notes = dict.fromkeys(seconds, "a note")
    return page.Job(scenario, OF_THE_DEMO[scenario], upload, file, seconds, notes, 20)


def browse(file: Path) -> subprocess.CompletedProcess[str]:
    assert CHROMIUM
    # No sandbox: it needs user namespaces, which root in a container does not have.
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    profile = f"--user-data-dir={file.parent / 'profile'}"
    command = [CHROMIUM, *options, profile, "--dump-dom", file.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)


@needs_chromium
def test_the_browser_refuses_and_reports_nothing(written: Path) -> None:
    shown = browse(written)
    assert "CONSOLE" not in shown.stderr
    assert re.findall('data-scenario="([a-z]+)"', shown.stdout) == [*SCENARIOS, "lambda"]


WIDTHS = [320, 390, 800, 1280]
"""Of phones and screens."""


@pytest.fixture(scope="module")
def watched(written: Path) -> subprocess.CompletedProcess[str]:
    """The page in frames of these widths; a script asks each how wide it came out, and its pictures
    how wide they are, and reports that."""
    look = """
    const frames = () => [...document.querySelectorAll('iframe')].map(f => f.contentDocument)
    onload = () => {
        const widths = frames().map(d => d.documentElement.scrollWidth)
        const pictures = frames().map(d => [...d.images].map(i => i.naturalWidth))
        document.title = JSON.stringify({widths, pictures})
        console.error('seen')
    }
    """
    text = html.escape(written.read_text(), quote=True)
    frames = "".join(
        f'<iframe style="border:0;width:{width}px;height:900px" srcdoc="{text}"></iframe>'
        for width in WIDTHS
    )
    file = written.with_name("watched.html")
    file.write_text(f"<title>none</title>{frames}<script>{look}</script>")
    return browse(file)


def seen(watched: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found = re.search("<title>(.+)</title>", watched.stdout)
    assert found
    said: dict[str, Any] = json.loads(found[1])
    return said


@needs_chromium
def test_every_picture_is_loaded(watched: subprocess.CompletedProcess[str]) -> None:
    with Image.open(paths.SAMPLE) as sample:
        assert seen(watched)["pictures"] == [[sample.width] * 8] * len(WIDTHS)


@needs_chromium
def test_the_page_does_not_scroll_sideways(watched: subprocess.CompletedProcess[str]) -> None:
    for width, wide in zip(WIDTHS, seen(watched)["widths"], strict=True):
        assert wide <= width


@needs_chromium
def test_a_report_of_the_browser_would_be_seen(watched: subprocess.CompletedProcess[str]) -> None:
    assert "CONSOLE" in watched.stderr


def test_names_and_reasons_are_never_markup(written: Path) -> None:
    text = written.read_text()
    assert "<script" not in text
    assert "<b>damaged" not in text
    assert "&lt;b&gt;damaged" in text


def test_the_page_names_no_other_address_than_its_own_files(written: Path) -> None:
    for address in re.findall(r'(?:src|href)="([^"]+)"', written.read_text()):
        assert address.startswith(("data:", "#")) or not re.match("[a-z]+:|/", address)


def test_a_broken_file_is_no_picture(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(paths.SAMPLE.read_bytes()[:1000])
    assert page.preview(broken) is None


def shown(address: str | None) -> Image.Image:
    assert address
    return Image.open(BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,"))))


@pytest.mark.parametrize(("side", "seen"), [(100, 1), (384, 3), (900, 4), (5000, 4)])
@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_a_path_of_one_pixel_can_be_seen(tmp_path: Path, side: int, seen: int, kind: str) -> None:
    """A pixel of a small picture is large on the page; one of a large picture is lost."""
    before, after = tmp_path / f"before.{kind}", tmp_path / f"after.{kind}"
    picture = Image.new("RGB", (side, side), "white")
    picture.paste((0, 255, 0), (0, 0, side // 10, side))  # it was green before: no path
    options = {"quality": 100, "subsampling": 0, "compress_level": 1}
    picture.save(before, **options)
    picture.paste((0, 255, 0), (side // 2, 0, side // 2 + 1, side))
    picture.save(after, **options)
    drawn = shown(page.preview(after, before))
    row = [drawn.getpixel((x, drawn.height // 2)) for x in range(drawn.width)]
    assert row.count(page.PATH) >= seen
    assert page.PATH not in row[: drawn.width // 3]


def test_an_output_of_another_size_has_no_path(tmp_path: Path) -> None:
    output = tmp_path / "thumbnail.png"
    Image.new("RGB", (50, 50), (0, 255, 0)).save(output)
    assert shown(page.preview(output, paths.SAMPLE)).getpixel((9, 9)) == (0, 255, 0)


def test_a_reason_is_said_once(written: Path) -> None:
    assert written.read_text().count("the picture is &lt;b&gt;damaged") == 1


def test_the_page_says_whose_times_they_are(written: Path) -> None:
    assert "not of AWS" in written.read_text()


@pytest.mark.parametrize("whats", [["event", "started", "succeeded"], ["started", "rejected"]])
def test_each_span_has_its_own_colour_whatever_could_be_watched(
    tmp_path: Path, whats: list[str]
) -> None:
    """From the event, or the upload, until the job starts is its engine's start."""
    seconds = {"uploaded": 0.0} | {what: 0.2 + n for n, what in enumerate(whats)}
    spans = page.Job("lambda", {}, tmp_path, tmp_path, seconds, {}, 1).spans(seconds[whats[-1]])
    assert [colour for colour, *_ in spans] == ["event", "engine", "job"][-len(whats) :]
    assert sum(width for *_, width in spans) == pytest.approx(100)
    style = (paths.ROOT / "local/page/index.html.j2").read_text()
    assert all(f".{colour} {{ background" in style for colour, *_ in spans)


def test_the_bucket_that_was_there_before_is_the_one_that_is_drawn() -> None:
    parts = stack.read(OF_THE_DEMO["own-bucket"]).parts
    assert [kind for kind in parts.values() if "bucket" in kind] == [
        "S3 bucket of your own",
        "the same bucket",
    ]


BEFORE = {"QueueConfigurations": [{"Id": "<b>", "QueueArn": "a", "Events": ["s3:*"]}]}


@pytest.mark.parametrize(
    ("after", "said", "new"),
    [
        (BEFORE | {"EventBridgeConfiguration": {}}, "nothing else changed", 1),
        (BEFORE, "CHANGED", 0),
        ({"EventBridgeConfiguration": {}}, "CHANGED", 1),
    ],
)
def test_what_is_new_in_a_buckets_notifications_is_marked(
    tmp_path: Path, after: dict[str, Any], said: str, new: int
) -> None:
    there = page.Bucket("theirs", BEFORE, after, {"input/<b>": "there before"}, "own", [".sweep/a"])
    shown = replace(
        job(tmp_path, "own-bucket", paths.SAMPLE, paths.SAMPLE.read_bytes()), bucket=there
    )
    page.write([shown], tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text()
    assert f"{said}." in text
    assert text.count("<ins>") == text.count("<ins>EventBridgeConfiguration: {}</ins>") == new
    assert "<b>" not in text.split("</style>")[1].split("<h3>")[1].split("<svg")[0]


def edges(**parameters: str) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in stack.read(parameters).edges}


@pytest.mark.parametrize(
    ("scenario", "way"),
    [
        ("lambda", ["DataBucket", "ProcessFunction", stack.RESULTS]),
        ("fargate", ["DataBucket", "UploadRule", "TaskDefinition", stack.RESULTS]),
        ("cloudtrail", ["DataBucket", "Trail", "UploadRule", "TaskDefinition", stack.RESULTS]),
        ("hybrid", ["DataBucket", "SmallUploadRule", "ProcessFunction", stack.RESULTS]),
        ("own-bucket", ["DataBucket", "UploadRule", "TaskDefinition", stack.RESULTS]),
    ],
)
def test_the_diagram_has_the_way_of_a_file(scenario: str, way: list[str]) -> None:
    assert {*pairwise(way)} <= edges(**OF_THE_DEMO[scenario])


def test_the_diagram_has_only_what_the_parameters_make() -> None:
    assert not {"UploadRule", "TaskDefinition", "Trail"} & stack.read({}).parts.keys()
    assert ("UploadRule", "LaunchQueue") in edges(Mode="fargate", MaxTasks="5")

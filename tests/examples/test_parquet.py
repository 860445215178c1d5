"""examples/parquet: a table of any size, in constant memory."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.examples.conftest import PYTHON, Run, sample

TO_PARQUET = "table:to_parquet"
READ = """
import json, sys
from pyarrow import parquet
table = parquet.read_table(sys.argv[1])
print(json.dumps([{field.name: str(field.type) for field in table.schema}, table.num_rows,
                  table.slice(0, 1).to_pylist()[0]], default=str))
"""


def read(file: Path) -> list[object]:
    done = subprocess.run([PYTHON, "-c", READ, file], check=True, capture_output=True, text=True)
    found: list[object] = json.loads(done.stdout)
    return found


def test_a_table_keeps_its_rows_and_gets_types(run: Run) -> None:
    ran = run("parquet", TO_PARQUET, sample("parquet"))
    assert ran.names == ["table.parquet"]
    types, rows, first = read(ran.outputs / "table.parquet")
    assert types == {"day": "date32[day]", "city": "string", "degrees": "double", "rain": "bool"}
    assert rows == 62
    assert first["day"] == "2026-01-01"


def test_memory_does_not_grow_with_the_table(run: Run, tmp_path: Path) -> None:
    lines = "".join(f"{number},some words about {number},{number / 7}\n" for number in range(10**5))
    peaks = []
    for times in (10, 60):  # 45 and 270 MB
        table = tmp_path / f"{times}.csv"
        with table.open("w") as file:
            file.writelines(["number,words,share\n", *[lines] * times])
        peaks.append(run("parquet", TO_PARQUET, table).peak)
    assert peaks[1] - peaks[0] < 50 * 2**20


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "Empty CSV file"),
        (b"a,b\n1,2\n3\n", "Expected 2 columns, got 1"),
        (b"a\n" + b"1\n" * 900_000 + b"word\n", "invalid value 'word'"),
    ],
    ids=["empty", "a row too short", "a word among numbers, late"],
)
def test_what_is_no_table_is_rejected(run: Run, tmp_path: Path, body: bytes, says: str) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_bytes(body)
    assert says in str(run("parquet", TO_PARQUET, broken).rejected)

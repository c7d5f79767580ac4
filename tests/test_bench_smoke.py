"""Every benchmark's smoke run: all that is sent arrives once, in order, at everybody. No figure is judged."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import BENCHMARKS
from bench.common import BenchError
from bench.document import BEGIN, END, update
from bench.load import Tally
from bench.results import Result, Row, Target, markdown

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the load generator needs epoll and /proc")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_smoke(name):
    done = subprocess.run(
        [sys.executable, "-m", "bench", name, "--smoke"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "| chatd |" in done.stdout


def test_tally_counts_markers_across_cuts():
    stream = b"--ab" * 3 + b"a-b" + b"ab"
    for size in range(1, len(stream) + 1):
        tally = Tally(b"ab")
        for begin in range(0, len(stream), size):
            tally.take(stream[begin : begin + size])
        assert tally.count == 4


def test_the_table_says_whether_targets_are_met():
    rows = [
        Row("a", "x", "1/s", (1.0, 9.0, 2_000_000.0), Target(10)),
        Row("b", "x", "ms", (1.0, 2.0, 3.0), Target(2, least=False)),
    ]
    result = Result("r", rows)
    result.doubt("x", ["doubtful"])
    result.doubt("x", ["doubtful"])
    table = markdown([result])
    assert "| a | x | 9 | 1/s | 1 to 2 M | ≥ 10 ✗ |" in table
    assert "| b | x | 2 | ms | 1 to 3 | ≤ 2 ✓ |" in table
    assert "- r, x: doubtful (runs: 2)" in table


def test_the_page_keeps_what_is_around_the_table(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
    update("new", page)
    assert page.read_text() == f"above\n{BEGIN}\n\nnew\n{END}\nbelow\n"
    page.write_text("no markers\n")
    with pytest.raises(BenchError, match="lacks the markers"):
        update("new", page)


def test_the_page_has_its_markers():
    text = (ROOT / "docs" / "PERFORMANCE.md").read_text()
    assert text.index(BEGIN) < text.index(END)

"""Every benchmark's smoke run: all that is sent arrives once, in order, at everybody. No figure is judged."""

import os
import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import pytest

from bench import plots
from bench.__main__ import BENCHMARKS
from bench.common import BenchError, Scale
from bench.curves import Curves
from bench.document import BEGIN, END, update
from bench.load import Tally
from bench.multitude import Multitude
from bench.pace import TimedCrowd
from bench.peers import field
from bench.peers.nats import NatsPeer
from bench.process import pinned
from bench.results import Result, Row, Target, markdown
from bench.tls import Records
from tests.end_to_end.harness.processes import environment
from tests.end_to_end.harness.program import finished

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the load generator needs epoll and /proc")


AT_ONCE = 2
"""Smoke runs per core at the same time: each waits more than it works, but each starts a daemon, too."""


@pytest.fixture(scope="module")
def smokes():
    """All smoke runs, a few at a time on each core, in the order in which they are asked for."""
    cores = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        pools = [ThreadPoolExecutor(AT_ONCE) for _ in cores]
        for pool in pools:
            stack.callback(pool.shutdown, cancel_futures=True)
        dealt = zip(BENCHMARKS, cycle(zip(cores, pools, strict=True)), strict=False)
        yield {name: pool.submit(_smoke, name, core) for name, (core, pool) in dealt}


def _smoke(name, core):
    with pinned(core):
        return _forked("bench", "--smoke", name)


def _forked(*words):
    """Run a module of the benchmarks; its daemons are forked, which is most of what they cost here."""
    command = [sys.executable, "-m", "tests.bench_forked", *map(str, words)]
    return finished(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=180)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_smoke(smokes, name):
    done = smokes[name].result(timeout=300)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\| chat[cd] \|", done.stdout)


def test_two_checkouts_are_compared():
    done = _forked("bench.pair", ROOT, ROOT, "--case", "durable", "--chunks", "2", "--bursts", "1")
    assert done.returncode == 0, done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("| durable |")]
    ratio, quartiles = row.split("|")[5:7]
    low, high = map(float, quartiles.split(" to "))
    assert low <= float(ratio) <= high


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


def test_who_is_not_installed_is_left_out_by_name(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(field, "PROGRAMS", {"no-such-server": ([], NatsPeer)})
    assert "no-such-server" in field.missing()
    with ExitStack() as stack:
        assert field.start_program(stack, "no-such-server", Scale()) == []


def test_plain_text_is_counted_in_tls_records_however_they_are_cut():
    stream = b"".join(b"\x17\3\3" + (size + 17).to_bytes(2, "big") + bytes(size + 17) for size in (1, 400, 0))
    for size in range(1, len(stream) + 1):
        records = Records()
        cuts = range(0, len(stream), size)
        assert sum(records.take(stream[begin : begin + size]) for begin in cuts) == 401


def test_latencies_are_those_of_whole_messages():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        crowd = TimedCrowd([ours], b"ab", timed=1)
        crowd.forget()
        for part in (b"ab-a", b"b-ab-"):
            theirs.sendall(part)
            crowd.read(ours.fileno())
        assert len(list(crowd.latencies([0.0, 0.0, 0.0]))) == 3
        assert crowd.frames == 3


def test_no_plot_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "find_spec", {}.get)
    assert "matplotlib" in plots.draw(Curves(), tmp_path)[0]
    assert not list(tmp_path.iterdir())


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


def test_a_multitude_does_not_go_through_the_time_before_it_began():
    """A machine may have been up for months."""
    crowd, begin = Multitude(0, 1), time.process_time()
    crowd.rest(0.01)
    crowd.close()
    assert time.process_time() - begin < 0.05

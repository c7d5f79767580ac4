"""Files: up and down over loopback beside a bare copy over a socket, sixteen at once, memory, stalls."""

import hashlib
import itertools
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import copying
from bench.clients import Client, enter, listen
from bench.common import BenchError, Scale
from bench.ferry import Down, Hold, Load, Saved, Up, drive
from bench.process import Gauge, forget_peak, peak_bytes, resident_bytes
from bench.results import Result, Row, Target
from bench.server import LOOPBACK, ROOT, STALL, Daemon
from bench.stall import Stall
from chatd.wire.messages import File, FromServer, Ok, Send

LONG = 1 << 31
"""Bytes of the file that memory and stalls are watched with."""

SIZE = 1 << 29
"""Bytes of those that rates are taken of: the machine has so much memory at hand."""

_SMALL = 1 << 22
WAYS = ("upload", "download")
COUNTED = "download, not verified"
MANY = 16
PER_LINK = 4
"""Transfers on one connection: what a daemon allows."""

RATE = Target(300.0)
RATIO = Target(0.4)
SUM = Target(1.0)
MEMORY = Target(64.0, least=False)
STALLS = Target(20.0, least=False)
_MEMORY_DISK = Path("/dev/shm")
_SPARE = 4
"""Sizes that must be free: what is sent, what the daemon keeps, what comes back, and one in hand."""

_CONFIG = "[files]\nmax_size = {size}\nper_session_day = {day}\n"


@dataclass(slots=True)
class _Figures:
    """What the rounds showed, by the name of a row."""

    rates: dict[str, list[float]] = field(default_factory=dict)
    memory: list[float] = field(default_factory=list)
    stalls: list[float] = field(default_factory=list)
    own_stalls: list[float] = field(default_factory=list)
    idle_stalls: list[float] = field(default_factory=list)

    def add(self, name: str, size: int, seconds: float) -> None:
        self.rates.setdefault(name, []).append(size / seconds / 1e6)

    def ratio(self, name: str, to: str) -> tuple[float, ...]:
        return tuple(one / other for one, other in zip(self.rates[name], self.rates[to], strict=True))


def run(scale: Scale) -> Result:
    """Measure each direction of one file, then of sixteen, then of the bare copy, then a long file."""
    size, long = scale.size(SIZE, _SMALL), scale.size(LONG, _SMALL)
    result, figures = Result("files"), _Figures()
    with _workplace(scale, long) as folder:
        for _ in range(scale.rounds):
            _rates(folder, size, figures, result)
            _long(folder, long, scale.seconds, figures, result)
        result.notes.append(f"the files of both sides are on {_kind(folder)}, the daemon's database too")
    for way, command in zip(WAYS, ("put", "get"), strict=True):
        words = f"{way} of {size >> 20} MiB"
        result.rows += _rows(figures, way, words)
        result.rows.append(Row(words, f"chatc {command}", "MB/s", tuple(figures.rates[f"chatc {command}"])))
    result.rows += _sums(figures, "upload", f"upload of {size >> 20} MiB")
    result.rows += _sums(figures, COUNTED, f"download of {size >> 20} MiB, not verified")
    both = f"both ways of {long >> 20} MiB"
    result.rows += [
        *(Row(both, f"chatd, {way}", "MB/s", tuple(figures.rates[f"long {way}"])) for way in WAYS),
        Row(both, "chatd", "MiB resident above idle, peak", tuple(figures.memory), MEMORY),
        Row(both, "chatd", "ms longest stall of the reactor", tuple(figures.stalls), STALLS),
        Row(both, "chatd", "ms of CPU within the busiest stall", tuple(figures.own_stalls)),
        Row("nothing at all", "chatd", "ms longest stall of the reactor", tuple(figures.idle_stalls)),
    ]
    return result


def _rows(figures: _Figures, way: str, words: str) -> list[Row]:
    bare = f"bare {way}"
    return [
        Row(words, "chatd", "MB/s", tuple(figures.rates[way]), RATE),
        Row(words, "bare copy", "MB/s", tuple(figures.rates[bare])),
        Row(words, "chatd / bare copy", "ratio", figures.ratio(way, bare), RATIO),
    ]


def _sums(figures: _Figures, way: str, words: str) -> list[Row]:
    (many,) = _many(way)
    split = f"{words}, in {MANY} files at once"
    return [
        Row(words, "chatd", "MB/s", tuple(figures.rates[way])),
        Row(split, "chatd", "MB/s", tuple(figures.rates[many])),
        Row(split, "chatd / one file", "ratio", figures.ratio(many, way), SUM),
    ]


def _many(*ways: str) -> list[str]:
    return [f"{MANY} times {way}" for way in ways]


# ---- the place ------------------------------------------------------------------------------------------


@contextmanager
def _workplace(scale: Scale, size: int) -> Iterator[Path]:
    """Make a folder for everything: where told to, else in memory where there is room, else on disk."""
    place = scale.folder
    if place is None and _MEMORY_DISK.is_dir() and shutil.disk_usage(_MEMORY_DISK).free > _SPARE * size:
        place = _MEMORY_DISK
    with tempfile.TemporaryDirectory(prefix="chatd-files-", dir=place) as folder:
        yield Path(folder)


def _kind(folder: Path) -> str:
    return "tmpfs, where an fsync costs nothing" if folder.is_relative_to(_MEMORY_DISK) else "a disk"


def _warm(size: int) -> None:
    """Touch so much memory and give it back, for what is copied next to be written to.

    A virtual machine gets memory from its host when it is first touched, which costs more than the copy, and
    gives it back after seconds: whoever came first would pay for all.
    """
    mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()


_SEEDS = itertools.count()


def _make(path: Path, size: int) -> File:
    """Write ``size`` bytes to ``path`` that are unlike any others of this run."""
    block = hashlib.shake_256(b"%d" % next(_SEEDS)).digest(1 << 16) * 16
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for begin in range(0, size, len(block)):
            part = block[: size - begin]
            digest.update(part)
            file.write(part)
    return File(name=path.name, size=size, sha256=digest.hexdigest())


# ---- one round ------------------------------------------------------------------------------------------


def _rates(folder: Path, size: int, figures: _Figures, result: Result) -> None:
    """Take the rates of one file, of the bare copy, of the commands, and of many files."""
    source, back = folder / "source", folder / "back"
    whole = _make(source, size)
    for way, copy in zip(WAYS, (copying.upload, copying.download), strict=True):
        _warm(size)
        seconds, digest = copy(source, back)
        back.unlink()
        if digest != whole.sha256:
            raise BenchError("the bare copy is not what was copied")
        figures.add(f"bare {way}", size, seconds)
    with _daemon(folder, size) as daemon:
        gauge = Gauge(daemon.pid)
        _ferry(daemon, [(source, whole)], figures, (*WAYS, COUNTED))
        result.doubt("chatd", gauge.read().doubts())
    with _daemon(folder, size) as daemon:
        _chatc(daemon, source, whole, figures)
    with _daemon(folder, size) as daemon:
        parts = [(folder / f"part{n}", _make(folder / f"part{n}", size // MANY)) for n in range(MANY)]
        _ferry(daemon, parts, figures, _many(*WAYS, COUNTED))


def _long(folder: Path, size: int, seconds: float, figures: _Figures, result: Result) -> None:
    """Watch the memory and the reactor of a daemon that does nothing, then takes and gives a long file."""
    source = folder / "source"
    whole = _make(source, size)
    with _daemon(folder, size) as daemon:
        stall, idle = Stall(daemon.folder / STALL), resident_bytes(daemon.pid)
        stall.forget()
        time.sleep(seconds)
        figures.idle_stalls.append(stall.longest * 1e3)
        stall.forget()
        forget_peak(daemon.pid)
        gauge = Gauge(daemon.pid)
        _ferry(daemon, [(source, whole)], figures, [f"long {way}" for way in (*WAYS, COUNTED)])
        result.doubt("chatd", gauge.read().doubts())
        figures.memory.append((peak_bytes(daemon.pid) - idle) / 2**20)
        figures.stalls.append(stall.longest * 1e3)
        figures.own_stalls.append(stall.own * 1e3)


@contextmanager
def _daemon(folder: Path, size: int) -> Iterator[Daemon]:
    daemon = Daemon(folder, watched=True, config=_CONFIG.format(size=size, day=size * 2))
    try:
        yield daemon
    finally:
        daemon.stop()


def _ferry(
    daemon: Daemon, files: Sequence[tuple[Path, File]], figures: _Figures, names: Sequence[str]
) -> None:
    """Bring ``files`` up, post them, and bring them down twice, over as few connections as are allowed.

    First they are verified and kept, then only counted: hashing what comes takes a core for itself.
    """
    up, down, counted = names
    loads = [list(group) for group in _groups(files)]
    clients = enter(daemon, [f"#bench{number}" for number in range(len(loads))])
    total = sum(file.size for _, file in files)
    _warm(total)
    figures.add(up, total, _up(clients, loads))
    posted = [_post(client, [file for _, file in load]) for client, load in zip(clients, loads, strict=True)]
    _warm(total)
    figures.add(down, total, _down(clients, loads, posted, PER_LINK + 1, _saved))
    for path, _ in files:
        came = _came(path)
        if came.stat().st_size != path.stat().st_size:
            raise BenchError("a file came down that is not the one that went up")
        came.unlink()
    figures.add(counted, total, _down(clients, loads, posted, 2 * PER_LINK + 1, _counted))


_CHATC = "from chatd.client.cli import main; main()"


def _chatc(daemon: Daemon, source: Path, whole: File, figures: _Figures) -> None:
    """Bring ``source`` up and down again by the commands that people use, from their start to their end."""
    came = source.with_name("came")
    for name, words in (
        ("put", ("put", "#bench", str(source))),
        ("get", ("get", "#bench", whole.sha256, "-o", str(came))),
    ):
        _warm(whole.size)
        begin = time.monotonic()
        command = [sys.executable, "-c", _CHATC, "--server", f"{LOOPBACK}:{daemon.port}", "--nick", name]
        done = subprocess.run(
            [*command, *words],
            cwd=daemon.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(daemon.folder / name)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"chatc {name} failed: {done.stderr}")
        figures.add(f"chatc {name}", whole.size, time.monotonic() - begin)
    if came.stat().st_size != whole.size:
        raise BenchError("chatc got a file that is not the one it put")
    came.unlink()


def _groups(files: Sequence[tuple[Path, File]]) -> Iterator[Sequence[tuple[Path, File]]]:
    for begin in range(0, len(files), PER_LINK):
        yield files[begin : begin + PER_LINK]


def _up(clients: Sequence[Client], loads: Sequence[Sequence[tuple[Path, File]]]) -> float:
    return drive(
        lambda: [
            Up(client, [Load(number, *one) for number, one in enumerate(load, 1)])
            for client, load in zip(clients, loads, strict=True)
        ]
    )


def _post(client: Client, files: Sequence[File]) -> list[int]:
    """Post ``files``; return the numbers of their events."""
    found: list[int] = []

    def is_posted(_: Client, message: FromServer) -> bool:
        if isinstance(message, Ok) and message.seq is not None:
            found.append(message.seq)
        return len(found) == len(files)

    client.link.setblocking(True)
    for n, file in enumerate(files, 1):
        client.say(Send(id=100 + n, n=n, room=client.room, text="", file=file))
    listen([client], is_posted)
    return found


def _down(
    clients: Sequence[Client],
    loads: Sequence[Sequence[tuple[Path, File]]],
    posted: Sequence[Sequence[int]],
    first: int,
    hold: Callable[[int, Path, File, int], Hold],
) -> float:
    """Bring down all that was posted, as transfers from number ``first`` on; return the seconds it took."""

    def begin() -> list[Down]:
        return [
            Down(
                client,
                [
                    hold(number, *one, seq)
                    for number, (one, seq) in enumerate(zip(load, seqs, strict=True), first)
                ],
            )
            for client, load, seqs in zip(clients, loads, posted, strict=True)
        ]

    return drive(begin)


def _came(path: Path) -> Path:
    return path.with_name(f"{path.name}.came")


def _saved(number: int, path: Path, file: File, seq: int) -> Hold:
    return Saved(number, file, seq, _came(path))


def _counted(number: int, _: Path, file: File, seq: int) -> Hold:
    return Hold(number, file, seq)

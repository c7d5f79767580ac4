"""A server that lies about files: the client neither breaks nor writes what was not verified, and says so."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.harness.chatc import Chatc
from tests.end_to_end.harness.liar import Liar, said
from tests.end_to_end.harness.processes import Deadline
from tests.end_to_end.harness.stranger import chunk, digest

DATA = bytes(range(256)) * 40
ROOM = "#a"


AT_ONCE = 8
"""Liars at once: their clients mostly wait."""

PATIENCE = 3.0
"""Seconds that a client has to end once it was lied to; one that asks again is watched for so long."""

CALLS = 12
"""Connections or requests in that time that tell of a client that makes no pause."""


@dataclass
class Told:
    """What became of one ``chatc`` and its liar."""

    running: bool
    status: int | None
    said: bytes
    lines: list[dict]
    calls: int
    asked: list[dict]
    folder: Path
    used: float

    @property
    def complaints(self):
        return self.said.decode(errors="replace")

    @property
    def got(self):
        """Return the files that are complete, by name."""
        return {p.name: p.read_bytes() for p in self.folder.iterdir() if ".part" not in p.name}

    def is_tame(self):
        """Check that nothing of what was said can harm a terminal, and that it is no traceback."""
        said = self.said.replace(b"\n", b"")
        assert not [byte for byte in said if byte < 32 or byte == 127], said
        assert len(said) < 10_000
        assert b"Traceback" not in said, self.complaints


def run(place, lies, *arguments, patience=PATIENCE, **limits):
    """Run ``chatc`` against ``lies`` in ``place``, and return what became of it."""
    folder = place / "here"
    folder.mkdir(parents=True, exist_ok=True)
    (place / "source.bin").write_bytes(DATA)
    with Liar(lies, **limits) as liar:
        one = Chatc(liar, place, "ann", *(str(argument) for argument in arguments))
        wait(lambda: not one.running or liar.was_asked(arguments[0]), 30.0)
        wait(lambda: not one.running, patience)
        running, used = one.running, cpu(one.pid) if one.running else 0.0
        calls, asked = liar.calls, list(liar.asked)
        one.close()
    output, said = one.out.read_bytes(), one.err.read_bytes()
    lines = one.lines() if "--json" in arguments else []
    status = None if running else one.wait(0)
    return Told(running, status, said if lines else said + output, lines, calls, asked, folder, used)


def wait(until, patience):
    """Wait until something holds, for so long at the most."""
    deadline = Deadline(patience)
    while deadline.left and not until():
        time.sleep(0.05)


def cpu(pid):
    """Return the seconds of CPU time of process ``pid``."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def about(data=DATA, **lies):
    return {"name": "some.bin", "size": len(data), "sha256": digest(data), "media": "text/plain", **lies}


def download(file, *pieces, offset=None):
    """Return the lie that answers a download with ``file`` and pieces ``(offset, bytes)`` of it."""

    def answer(message):
        begin = message.get("offset", 0) if offset is None else offset
        ok = said("ok", id=message["id"], seq=2, room=ROOM, offset=begin, **({"file": file} if file else {}))
        return ok + b"".join(chunk(message["transfer"], at, data) for at, data in pieces)

    return {"download": answer}


def get(place, lies, which="2", **more):
    """Let ``chatc`` download from a liar."""
    return run(place, lies, "get", ROOM, which, "-o", place / "here", **more)


def put(place, lies, **limits):
    """Let ``chatc`` upload to a liar."""
    return run(place, lies, "put", ROOM, place / "source.bin", "--json", **limits)


def test_the_truth_is_taken(tmp_path):
    told = get(tmp_path, download(about(), (0, DATA[:100]), (100, DATA[100:])))
    assert told.status == 0, told.complaints
    assert told.got == {"some.bin": DATA}


NAMES = [
    "",
    ".",
    "..",
    "../../evil",
    "/tmp/evil",
    "a/../../evil",
    "..\\evil",
    "C:\\evil",
    "evil\0.txt",
    "\x1b]0;evil\x07\x1b[2Jevil",
    "x" * 10_000,
    "\ud83d\ude00" * 300,
    "evil\u202etxt.exe",
    "\n\nchatc: all is well",
    ".ssh",
    "-rf",
]


def test_names_are_made_tame(told):
    for name in NAMES:
        one = told["name", name]
        one.is_tame()
        assert not one.running
        assert set(one.got.values()) == ({DATA} if one.status == 0 else set())
        for path in one.folder.iterdir():
            assert path.is_file()
            assert path.name.isprintable()
            assert path.name[0] not in ".-"
        strays = {path.name for path in one.folder.parent.iterdir()} - {"here", "source.bin"}
        assert strays == {"ann.err", "ann.out", "ann.state"}
    assert sum(told["name", name].status == 0 for name in NAMES) > len(NAMES) // 2


LIES = {
    "other-bytes": download(about(), (0, DATA[::-1])),
    "beyond-the-size": download(about(), (0, DATA + b"more")),
    "beyond-the-size-by-a-chunk": download(about(), (0, DATA), (len(DATA), b"more")),
    "a-hole": download(about(), (0, DATA[:100]), (200, DATA[200:])),
    "twice": download(about(), (0, DATA[:100]), (0, DATA[:100]), (100, DATA[100:])),
    "begins-late": download(about(), (100, DATA[100:])),
    "offset-not-asked-for": download(about(), (100, DATA[100:]), offset=100),
    "offset-beyond": download(about(), offset=len(DATA) * 2),
    "smaller-than-told": download(about(size=len(DATA) * 2), (0, DATA)),
    "larger-than-told": download(about(size=10), (0, DATA)),
    "no-file": download(None, (0, DATA)),
    "no-hash": download(about(sha256=""), (0, DATA)),
    "not-a-hash": download(about(sha256="../" * 21 + "x"), (0, DATA)),
    "enormous": download(about(size=2**53 - 1), (0, DATA)),
    "empty-with-a-hash": download(about(size=0)),
}


@pytest.mark.parametrize("name", LIES)
def test_what_is_not_verified_is_not_there(told, name):
    """It says why it failed, or goes on asking; never is there a file that is not what was told."""
    one = told["get", name]
    one.is_tame()
    assert one.calls < CALLS
    assert all(data == DATA for data in one.got.values())
    assert one.complaints or one.status == 0 or name in {"smaller-than-told", "enormous"}  # more may come
    assert one.status != 0 or name == "beyond-the-size-by-a-chunk"


@pytest.mark.parametrize("which", [digest(b"quite another")[:12], digest(DATA)[:8] + "0000"])
def test_another_file_than_the_one_named(tmp_path, which):
    """Who asks by hash gets those bytes or none."""
    told = get(tmp_path, download(about(), (0, DATA)), which)
    assert not told.got
    assert told.running or told.status != 0
    told.is_tame()


def test_another_event_than_the_one_named(tmp_path):
    told = get(tmp_path, download(about(), (0, DATA)), "7")
    assert not told.got
    assert told.running or told.status != 0


def test_chunks_that_nobody_asked_for(tmp_path):
    lies = download(about(), (0, DATA))
    honest = lies["download"]
    lies["download"] = lambda message: chunk(message["transfer"] + 1, 0, b"x" * 1000) + honest(message)
    told = get(tmp_path, lies)
    told.is_tame()
    assert told.calls < CALLS
    assert set(told.got.values()) <= {DATA}


HOSTILE = "a\x1b[2Jb\x1b]0;evil\x07\u202e\x9b\r\nchatc: all is well"


def show(message):
    """Return the lie that answers a join with a file event that is hostile wherever it can be."""
    room = message["room"]
    file = {"name": HOSTILE, "size": 2**53 - 1, "sha256": HOSTILE, "media": HOSTILE}
    fields = {"kind": "file", "by": HOSTILE, "text": HOSTILE, "session": 1, "n": 1, "file": file}
    return (
        said("rooms", rooms=[{"room": room, "head": 1, "cursor": 0}])
        + said("ok", id=message["id"], seq=1, room=room)
        + said("event", room=room, seq=1, ts=1795245079597, **fields)
    )


def test_hostile_events_harm_no_terminal(tmp_path):
    with Liar({"join": show}) as liar:
        one = Chatc(liar, tmp_path, "ann", "tail", ROOM, "--since", "0", "--count", "1")
        assert one.wait(30) == 0
        one.close()
    day, first, *others = one.out.read_text().splitlines()
    assert day.startswith("-- ")  # the event is not of today, and that line is chatc's own
    assert (day + first + "".join(others)).isprintable()
    assert all(line.startswith("  ") for line in others), "a line of a stranger's looks like chatc's own"
    assert "Traceback" not in one.complaints


# ---- uploads --------------------------------------------------------------------------------------------


def upload(offset, *answers):
    """Return the lie that answers an upload with ``offset`` and then says ``answers``."""

    def answer(message):
        ok = said("ok", id=message["id"], **({} if offset is None else {"offset": offset}))
        return ok + b"".join(said(t, transfer=message["transfer"], **fields) for t, fields in answers)

    return {"upload": answer}


ESCAPES = "\x1b[2J\x1b]0;evil\x07 \u202e\n\nchatc: all is well"
UPLOADS = {
    "offset-beyond": upload(len(DATA) * 10),
    "no-offset": upload(None),
    "progress-beyond": upload(0, ("progress", {"received": 10**12, "stored": 0})),
    "stored-beyond": upload(0, ("progress", {"received": 10**12, "stored": 10**12})),
    "stored-before-received": upload(0, ("progress", {"received": 0, "stored": 100})),
    "progress-backwards": upload(
        100,
        ("progress", {"received": 5000, "stored": 5000}),
        ("progress", {"received": 10, "stored": 10}),
    ),
    "cancelled": upload(0, ("cancel", {"code": "cancelled", "text": ESCAPES})),
    "cancelled-with-an-unknown-code": upload(0, ("cancel", {"code": ESCAPES, "text": ""})),
    "mismatch": upload(0, ("cancel", {"code": "hash-mismatch", "text": ESCAPES * 1000})),
    "refused": {"upload": lambda m: said("error", id=m["id"], code="quota-exceeded", text=ESCAPES)},
    "refused-for-now": {
        "upload": lambda m: said("error", id=m["id"], code="too-many-transfers", text=ESCAPES)
    },
    "said-never": upload(0),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_uploads_to_a_liar(told, name):
    one = told["put", name]
    one.is_tame()
    assert one.calls < CALLS
    assert 1 <= len([message for message in one.asked if message["t"] == "upload"]) < CALLS
    for line in one.lines:
        assert line["percent"] < 100 or line["state"] == "done"
        assert line["size"] is None or 0 <= line["done"] <= line["size"]


LIMITS = {
    "no-window": {"window": 0},
    "no-transfers": {"transfers": 0},
    "no-files": {"file": 0},
    "one-byte": {"window": 1},
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_that_leave_no_room(told, name):
    """The client says that this server takes no files, or does with what it has; it does not spin."""
    one = told["limits", name]
    one.is_tame()
    assert one.calls < CALLS
    assert one.used < PATIENCE * 0.7
    assert one.running or (one.status == 1 and one.complaints)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Return what became of every client, by what it was told: all of them at once, for they mostly wait."""
    ends = {"patience": 30.0}
    names = {("name", name): (get, download(about(name=name), (0, DATA)), ends) for name in NAMES}
    gets = {("get", name): (get, lies, {}) for name, lies in LIES.items()}
    puts = {("put", name): (put, lies, {}) for name, lies in UPLOADS.items()}
    limits = {("limits", name): (put, upload(0), limits) for name, limits in LIMITS.items()}
    jobs = {**gets, **puts, **limits, **names}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        played = {
            key: pool.submit(play, tmp_path_factory.mktemp("liar"), lies, **more)
            for key, (play, lies, more) in jobs.items()
        }
    return {key: one.result() for key, one in played.items()}

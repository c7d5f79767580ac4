"""What systemd's journal is handed: each event with its fields."""

import json
import os
import socket

import pytest
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from chatd.ops.event_lines import json_line
from chatd.ops.journald import Journald, entry, leads_to_journal
from chatd.ops.log import KEY, Said


@pytest.fixture
def start():
    """Return a function that makes targets; their sockets are closed."""
    made = []

    def make(path):
        made.append(Journald("chatd", path))
        return made[-1]

    yield make
    for one in made:
        one._socket.close()


@pytest.fixture
def journal(tmp_path):
    """Return a socket as journald has one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(tmp_path / "socket"))
        one.settimeout(5)
        yield one


def line(name="client-in", sentence="", level=LogLevel.info, failure=None, **fields):
    return json_line(
        {"log_time": 0.0, "log_level": level, "log_failure": failure, KEY: Said(name, sentence, fields)}
    ).encode()


def fields_of(datagram):
    """Return the fields of an entry, read as journald reads them."""
    found = {}
    while datagram:
        head, _, datagram = datagram.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if not equals:
            size = int.from_bytes(datagram[:8], "little")
            value, datagram = datagram[8 : 8 + size], datagram[9 + size :]
        found[name.decode()] = value.decode()
    return found


def test_an_event_has_its_fields_and_its_line(journal, start):
    target = start(journal.getsockname())
    text = line(nick="ann", session=7, resumed=False, peer="127.0.0.1:9") + line("store-broken", "No room.")
    assert target.send(text) == len(text)
    assert fields_of(journal.recv(65536)) == {
        "MESSAGE": "client-in nick=ann session=7 resumed=false peer=127.0.0.1:9",
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "chatd",
        "CHATD_EVENT": "client-in",
        "CHATD_NICK": "ann",
        "CHATD_SESSION": "7",
        "CHATD_RESUMED": "false",
        "CHATD_PEER": "127.0.0.1:9",
    }
    assert fields_of(journal.recv(65536))["MESSAGE"] == "store-broken No room."


@pytest.mark.parametrize(
    ("level", "number"), [("debug", "7"), ("warn", "4"), ("error", "3"), ("critical", "2")]
)
def test_levels_are_those_of_syslog(level, number):
    row = json.loads(line(level=LogLevel.levelWithName(level)))
    assert fields_of(entry(row, "chatd"))["PRIORITY"] == number


def test_no_value_can_end_its_field():
    forged = "x\nPRIORITY=0\nCHATD_NICK=root"
    found = fields_of(entry(json.loads(line(software=forged, reason="a=b")), "chatd"))
    assert (found["CHATD_SOFTWARE"], found["PRIORITY"], found["CHATD_REASON"]) == (forged, "6", "a=b")
    assert "CHATD_NICK" not in found
    assert "\n" not in found["MESSAGE"]


def test_a_traceback_is_a_field():
    failure = Failure(ValueError("oops"))
    found = fields_of(entry(json.loads(line(failure=failure, level=LogLevel.critical)), "chatd"))
    assert "oops" in found["CHATD_TRACEBACK"]


def test_what_is_not_taken_is_kept_by_the_writer(journal, start, tmp_path):
    target = start(str(tmp_path / "nobody"))
    with pytest.raises(FileNotFoundError):
        target.send(line())
    journal.setblocking(False)
    there = start(journal.getsockname())
    there._socket.setblocking(False)
    lines = line() * 1000
    sent = there.send(lines)
    assert 0 < sent < len(lines)
    assert sent % len(line()) == 0


def test_an_entry_that_is_too_large_comes_without_its_fields(journal, start):
    target = start(journal.getsockname())
    target._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
    text = line("fault", "It broke.", reason="x" * 900, failure=Failure(ValueError("y" * 19_000)))
    assert target.send(text) == len(text)
    assert fields_of(journal.recv(65536))["MESSAGE"] == "fault It broke."


def test_standard_output_is_known_by_what_systemd_says_of_it(monkeypatch, tmp_path):
    with (tmp_path / "out").open("w") as out:
        status = os.fstat(out.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert leads_to_journal(out.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", "9:9")
        assert not leads_to_journal(out.fileno())
        monkeypatch.delenv("JOURNAL_STREAM")
        assert not leads_to_journal(out.fileno())
    assert not leads_to_journal(out_of_range())


def out_of_range():
    """Return a descriptor that is closed."""
    number = os.open(os.devnull, os.O_RDONLY)
    os.close(number)
    return number

"""chatctl export @NICK: what an account said under all its nicks, and of a guest what that guest said."""

import json
import os
import subprocess

import apsw
import pytest
from click.testing import CliRunner

from chatd.chatctl import main
from chatd.store import schema
from chatd.store.reading import LogRow, Reading
from chatd.wire.messages import Event
from chatd.wire.stored import pack
from tests.end_to_end.harness.processes import script
from tests.end_to_end.harness.program import finished
from tests.store.driven import Driven
from tests.store.test_upgrade import folder  # noqa: F401 - a fixture: Ann and ben have accounts, cem has none

SAID = [
    Event(room="#tea", seq=5, ts=10, kind="message", by="anna", text="a guest called anna", session=90),
    Event(room="#tea", seq=6, ts=30, kind="message", by="Anna", text="Ann as anna", session=91),
    Event(room="#tea", seq=7, ts=31, kind="message", by="dan", text="an earlier dan", session=92),
    Event(room="#tea", seq=8, ts=32, kind="message", by="other", text="the dan of today", session=4),
]
"""Ann has the nick anna since 20; the guest dan has the session 4."""


@pytest.fixture
def data(folder):  # noqa: F811
    Driven(folder).close()  # it has the present format now
    database = apsw.Connection(str(folder / "chatd.sqlite"))
    database.execute("INSERT INTO nicks(key, user, since) VALUES('anna', 1, 20)")
    for event, frame in zip(SAID, pack(SAID), strict=True):
        database.execute(
            "INSERT INTO events(key, frame) VALUES(?, ?)", (schema.key(1, event.seq), bytes(frame))
        )
    database.close()
    return folder


def exported(data, whom):
    done = CliRunner().invoke(main, ["export", whom, "--data", str(data)])
    assert done.exit_code == 0, done.output
    return [row for row in map(json.loads, done.output.splitlines()) if row["kind"] == "message"]


@pytest.mark.parametrize("nick", ["ann", "anna"])
def test_an_account_said_what_was_said_under_its_nicks_since_they_are_its_own(data, nick):
    rooms = [row["text"] for row in exported(data, f"@{nick}") if row["room"] == "#tea"]
    assert rooms == ["hello from the old build", "Ann as anna"]


def test_who_reads_no_further_ends_it_quietly(data):
    reading, writing = os.pipe()
    os.close(reading)
    command = [*script("chatctl"), "export", "#tea", "--data", str(data)]
    done = finished(command, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_guest_said_what_came_from_its_sessions(data):
    assert [row["text"] for row in exported(data, "@dan")] == ["the dan of today"]


def test_the_partner_of_direct_messages_is_named(data):
    for whom, peer in (("@ann", "ben"), ("@ben", "Ann")):
        (row,) = [row for row in exported(data, whom) if row["room"].startswith("@")]
        assert (row["peer"], row["text"]) == (peer, "between us")


def test_a_format_without_accounts_has_no_nicks_of_theirs(folder):  # noqa: F811
    reading = Reading(folder)
    assert reading.nicks(1) == {}
    assert reading.peer(LogRow(9, "@1+99", 1), 1) == ""
    reading.close()

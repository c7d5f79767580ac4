"""The example client, written from the protocol page alone, against a real daemon over links that fail."""

import ast
import json
import subprocess
import sys
import time

import pytest

from tests.end_to_end.harness.forwarder import Forwarder
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, PYTHON, ROOT, Deadline

EXAMPLE = ROOT / "examples" / "minimal_client.py"
ROOM = "#kitchen"
LOOK_AGAIN = 0.02


class Person:
    """One who uses the example: a nick, a folder, and one process after the other."""

    def __init__(self, nick, folder, port):
        self.nick, self.folder, self.port = nick, folder, port
        self.said = []
        self.shown, self.complaints = folder / f"{nick}.out", folder / f"{nick}.err"
        self.process = None

    def start(self):
        command = [PYTHON, "-I", str(EXAMPLE), f"{LOOPBACK}:{self.port}", self.nick, ROOM]
        with self.shown.open("ab") as out, self.complaints.open("ab") as err:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.PIPE, stdout=out, stderr=err
            )
        return self

    def say(self, *texts):
        self.said += texts
        self.process.stdin.write("".join(f"{text}\n" for text in texts).encode())
        self.process.stdin.flush()

    def chatter(self, about, count=12):
        self.say(*(f"{self.nick} {about} {number}" for number in range(count)))

    def heard(self):
        whole_lines = self.shown.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole_lines.splitlines()]

    def texts(self, nick):
        return [message["text"] for message in self.heard() if message["by"] == nick]

    def stored(self, field):
        return json.loads((self.folder / f"{self.nick}.json").read_text())[field]

    def end(self):
        """Close the input and return the exit status."""
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)
            self.process.stdin.close()


def until(holds, what):
    deadline = Deadline()
    while not holds():
        deadline.check(what)
        time.sleep(LOOK_AGAIN)


@pytest.fixture
def link(daemon):
    with Forwarder(daemon.port, polite=True) as forwarder:
        yield forwarder


@pytest.fixture
def ada_and_bob(tmp_path, link):
    """Return two people who have joined and heard each other."""
    ada, bob = people = [Person(nick, tmp_path, link.port) for nick in ("Ada", "bob")]
    try:
        for person in people:
            person.start().say(f"{person.nick} is here.")
            until(lambda who=person: who.texts(who.nick), f"{person.nick}'s own words")
        ada.say("Welcome, bob.")
        until(lambda: bob.texts("Ada") and ada.texts("bob"), "each other's words")
        yield people
    finally:
        for person in people:
            person.kill()


def assert_nothing_is_lost_doubled_or_reordered(ada, bob):
    for person in (ada, bob):
        seqs = [message["seq"] for message in person.heard()]
        assert seqs == sorted(set(seqs))
        assert person.texts(person.nick) == person.said
    assert bob.heard() == ada.heard()[1:]  # bob was not there yet when Ada said her first words
    assert ada.texts("bob") == bob.said


def assert_both_end_with_the_same_log(people):
    assert [person.end() for person in people] == [0, 0]
    head = max(person.heard()[-1]["seq"] for person in people)
    for person in people:  # who ended first comes again for what the other said after that
        assert person.start().end() == 0
        assert person.heard()[-1]["seq"] == head
        assert person.stored("queue") == []
    assert_nothing_is_lost_doubled_or_reordered(*people)


def test_nothing_is_lost_when_links_are_cut_and_the_daemon_is_killed(daemon, link, ada_and_bob):
    ada, bob = ada_and_bob

    def chatter(about):
        for person in ada_and_bob:
            person.chatter(about)

    chatter("before the cut")
    link.cut(refuse=True)
    chatter("during the cut")
    time.sleep(0.2)
    link.heal()
    until(lambda: "bob during the cut 5" in ada.texts("bob"), "a message after the cut")
    chatter("before the crash")
    daemon.kill()
    chatter("during the crash")
    daemon.start()
    until(lambda: "Ada during the crash 5" in bob.texts("Ada"), "a message after the crash")
    assert_both_end_with_the_same_log(ada_and_bob)
    assert all(set(message) == {"room", "seq", "by", "text"} for message in ada.heard())
    assert all(message["room"] == ROOM for message in ada.heard())


def test_a_link_that_dies_without_a_word_is_noticed_and_replaced(link, ada_and_bob):
    link.stall("down")  # so that the first text of each is accepted, and they cannot know
    for person in ada_and_bob:
        person.chatter("into the silence")
    assert_both_end_with_the_same_log(ada_and_bob)
    assert all("the server is silent" in person.complaints.read_text() for person in ada_and_bob)


def test_a_client_that_is_killed_says_later_what_it_had_queued(link, ada_and_bob):
    ada, bob = ada_and_bob
    ada.say("This is seen.")
    until(lambda: ada.texts("Ada")[-1] == bob.texts("Ada")[-1] == "This is seen.", "a message")
    until(lambda: not ada.stored("queue"), "its acknowledgement")
    link.stall("up", "down")
    ada.chatter("into the dead link", 3)
    until(lambda: len(ada.stored("queue")) == 3, "a stored queue")
    ada.kill()
    assert ada.start().end() == 0
    link.cut()  # bob's link is still stalled
    assert bob.end() == 0
    assert_nothing_is_lost_doubled_or_reordered(ada, bob)
    assert not ada.stored("queue")


def test_a_nick_of_somebody_else_is_one_sentence_and_a_failure(tmp_path, link, ada_and_bob):
    (tmp_path / "elsewhere").mkdir()
    other = Person("ADA", tmp_path / "elsewhere", link.port).start()
    assert other.end() == 1
    assert "belongs to somebody else" in other.complaints.read_text()
    assert len(other.complaints.read_text().splitlines()) == 1
    assert other.heard() == []


def test_the_example_is_short_and_needs_the_standard_library_alone():
    source = EXAMPLE.read_text()
    assert len(source.splitlines()) < 150
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {name for node in imports for name in modules(node)}
    assert names <= sys.stdlib_module_names


def modules(node):
    named = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return {name.partition(".")[0] for name in named}

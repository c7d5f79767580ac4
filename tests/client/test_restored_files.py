"""The same with real files and processes: the data folder is copied, put back, and outgrows its readers."""

import json
import shutil

import pytest


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


class Copies:
    """A daemon whose data folder is copied while it is stopped, and put back."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.copy = daemon.folder / "copy"

    def back_up(self):
        self.daemon.terminate()
        shutil.copytree(self.daemon.data, self.copy)
        self.daemon.start()

    def restore(self):
        self.daemon.terminate()
        shutil.rmtree(self.daemon.data)
        shutil.copytree(self.copy, self.daemon.data)
        self.daemon.start()


@pytest.fixture
def copies(daemon):
    return Copies(daemon)


def say(run, *texts):
    assert run("--nick", "ann", "send", "#a", given="".join(f"{text}\n" for text in texts)) == (0, "", "")


def read(run):
    status, out, err = run("--nick", "bob", "talk", "#a", "--json")
    assert status == 0, err
    return lines(out), err


def test_a_reader_is_told_of_an_older_copy_and_shown_what_is_new_once(run, copies):
    say(run, "common 1", "common 2")
    read(run)
    say(run, "common 3")
    copies.back_up()
    say(run, "lost 1", "lost 2", "lost 3", "lost 4")
    shown, _ = read(run)
    seen = shown[-1]["seq"]
    copies.restore()
    say(run, *(f"new {number}" for number in range(1, 9)))
    shown, err = read(run)
    (told,) = [line for line in shown if line["kind"] == "restored"]
    assert (told["seq"], told["text"]) == (seen - 4, str(seen))
    assert [(line["seq"], line["text"]) for line in shown if line["kind"] == "message"] == [
        (seen - 4 + number, f"new {number}") for number in range(1, 9)
    ]
    sentence = (
        f"An older copy of #a was restored on the server: what was seen here behind event {seen - 4} may be"
    )
    assert err.count(sentence) == 1
    assert len(copies.daemon.await_said("older-copy")) == 1
    shown, err = read(run)
    assert shown == []
    assert "older copy" not in err


def test_the_cursor_of_a_line_of_tail_proves_which_history_it_is_of(run, copies):
    say(run, "one", "two")
    copies.back_up()
    say(run, "lost 1", "lost 2")
    count = ["tail", "#a", "--json", "--count"]
    shown = lines(run("--nick", "bob", *count, "4", "--since", "0")[1])
    two, lost = shown[-3]["cursor"], shown[-1]["cursor"]
    assert shown[-3]["text"] == "two"
    status, out, err = run("--nick", "bob", *count, "1", "--since", two)
    assert (status, lines(out)[0]["text"]) == (0, "lost 1")
    assert "older copy" not in err
    copies.restore()
    say(run, "new 1", "new 2", "new 3", "new 4")
    status, out, err = run("--nick", "bob", *count, "1", "--since", two)
    assert (status, [line["text"] for line in lines(out) if line["kind"] == "message"]) == (0, ["new 1"])
    assert "older copy" not in err
    status, out, err = run("--nick", "bob", *count, "4", "--since", lost)
    assert status == 0
    texts = [line["text"] for line in lines(out) if line["kind"] == "message"]
    assert texts == ["new 1", "new 2", "new 3", "new 4"], "nothing before the copy's end was asked for"
    assert err.count("An older copy of #a was restored") == 1
    status, out, err = run("--nick", "bob", *count, "1", "--since", lost.split(":")[0])
    assert "older copy" not in err, "a bare number is taken as it is"


def test_a_number_beyond_the_end_of_the_log_is_told_to_programs_too(run, chatc):
    say(run, "one", "two")
    reader = chatc("--nick", "bob", "tail", "#a", "--json", "--count", "1", "--since", "90")
    assert b"connected" in reader.stderr.readline() or b"connected" in reader.stderr.readline()
    say(run, "three")
    out, _ = reader.communicate(timeout=30)
    told, *rest = lines(out)
    assert (told["kind"], told["room"], told["text"]) == ("restored", "#a", "90")
    assert told["seq"] in {3, 4}
    assert [line["text"] for line in rest if line["kind"] == "message"] == ["three"]


@pytest.mark.parametrize("since", ["-1", "x", "5:", "5:XYZ", "5:0123456789", "9" * 17])
def test_a_cursor_that_is_none_is_one_sentence(run, since):
    status, _, err = run("tail", "#a", f"--since={since}")
    assert status == 1
    assert "write its number, or its cursor" in err
    assert len(err.splitlines()) == 1


def test_a_cursor_is_of_one_room(run):
    status, _, err = run("tail", "#a", "#b", "--since", "5:01234567")
    assert status == 1
    assert "one room" in err

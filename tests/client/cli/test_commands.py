"""chatc as people and scripts run it, against a real daemon."""

import json
import re
import signal
import time
from pathlib import Path

import pytest

from tests.client.commands import PATIENCE
from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.processes import free_port


def await_line(stream, wanted):
    """Read lines until one matches."""
    while line := stream.readline():
        if re.search(wanted, line.decode()):
            return line.decode()
    raise AssertionError(f"no line like {wanted}")


def texts(lines):
    return [event["text"] for event in map(json.loads, lines.splitlines()) if event["kind"] == "message"]


def test_send_says_nothing_and_succeeds_when_all_is_durable(run):
    assert run("send", "#a", "hello", "world") == (0, "", "")
    given = "  as written \n\n\ttab\r\nlast without end"
    assert run("send", "#a", given=given) == (0, "", "")
    status, out, err = run("history", "#a", "--json")
    assert (status, err) == (0, "")
    assert texts(out) == ["hello world", "  as written ", "\ttab", "last without end"]
    assert set(json.loads(out.splitlines()[0])) == {"room", "seq", "ts", "by", "kind", "text"}


def test_send_names_the_lines_that_are_refused_and_sends_the_rest(run):
    status, out, err = run("send", "#a", given=b"one\n\x01\n\xff\ntwo\n" + b"x" * 20_000 + b"\n")
    assert (status, out) == (1, "")
    assert [line.split(":")[1].strip() for line in err.splitlines()] == ["line 2", "line 3", "line 5"]
    status, out, err = run("history", "#a", "--json")
    assert (status, err) == (0, "")
    assert texts(out) == ["one", "two"]


BUSY = """
import time
from twisted.internet import reactor
reactor.callInThread(time.sleep, 20)
"""
"""What Python runs before the program: as a look-up of a name that hangs, or whose thread is slow to end."""


def test_what_was_asked_is_printed_although_a_look_up_still_hangs(run, tmp_path):
    assert run("send", "#a", "hello") == (0, "", "")
    (tmp_path / "sitecustomize.py").write_text(BUSY)
    busy = {"PYTHONPATH": str(tmp_path)}
    began = time.monotonic()
    status, out, err = run("history", "#a", env=busy)
    assert (status, err) == (0, "")
    assert "> hello" in out
    assert "#a" in run("rooms", env=busy)[1]
    assert "hello" in run("tail", "#a", "--since", "0", "--count", "1", env=busy)[1]
    assert time.monotonic() - began < 18


RED = "\x1b[1;31mFAILED\x1b[0m test_x\x1b[K"


def test_colours_are_refused_with_the_way_out_of_it_and_taken_out_with_plain(run):
    status, out, err = run("send", "#a", given=f"one\n{RED}\n")
    assert (status, out) == (1, "")
    assert err == (
        "chatc: line 2: The text holds the control character U+001B; remove it and send again."
        " With --plain, colours and other control characters are taken out.\n"
    )
    assert "--plain" in run("send", "#a", RED)[2]
    assert run("send", "--plain", "#a", given=f"{RED}\n\x1b[0m\ntwo\n") == (0, "", "")
    assert run("send", "#a", "--plain", f"{RED}!") == (0, "", "")
    assert run("--plain", "send", "#a", RED) == (0, "", "")
    assert run("talk", "--plain", "#a", given=f"{RED} 2\n")[0] == 0
    assert texts(run("history", "#a", "--json")[1]) == [
        "one", "FAILED test_x", "two", "FAILED test_x!", "FAILED test_x", "FAILED test_x 2",
    ]  # fmt: skip


def test_lines_of_a_program_are_made_plain_before_they_are_commands(run):
    given = f"/join #a\n{RED}\n\x1b[1m/topic\x1b[0m \x1b[32mall is well\x1b[0m\n"
    status, _, err = run(given=given)
    assert status == 1
    assert "Not sent to #a: The text holds the control character U+001B" in err
    assert err.count("With --plain, colours and other control characters are taken out.") == 2
    status, out, err = run("--plain", given=given)
    assert status == 0, err
    assert "FAILED test_x" in out
    assert "set the topic: all is well" in out


def test_send_gives_up_in_time_and_takes_back_what_it_did_not_send(daemon, run):
    daemon.kill()
    status, _, err = run("send", "--timeout", "1", "#a", "into the void")
    assert status == 1
    assert re.search(
        r"^chatc: cannot connect to 127.0.0.1:\d+: refused: .*; retrying in \d\.\d s$", err, re.MULTILINE
    )
    assert "1 of 1 messages not acknowledged within 1 s" in err
    daemon.start()
    assert run("send", "#a", "later")[0] == 0
    assert texts(run("history", "#a", "--json")[1]) == ["later"]


def test_ten_thousand_lines_take_seconds(run):
    lines = [f"line {number} ünïcödé" for number in range(10_000)]
    begin = time.monotonic()
    assert run("send", "#a", given="\n".join(lines))[0] == 0
    assert time.monotonic() - begin < 20
    status, out, _ = run("tail", "#a", "--since", "0", "--count", "10000", "--json")
    assert status == 0
    assert texts(out) == lines


def test_tail_and_talk_live_through_a_kill_of_the_daemon(daemon, chatc, run):
    tail = chatc("--nick", "reader", "tail", "#a", "--json", "--since", "0", "--count", "40")
    talk = chatc("--nick", "talker", "talk", "#a", "--json")
    await_line(tail.stderr, "connected to")
    for number in range(20):
        talk.stdin.write(f"{number}\n".encode())
        talk.stdin.flush()
        if number == 10:
            daemon.kill()
    daemon.start()
    talk.stdin.write("".join(f"{number}\n" for number in range(20, 40)).encode())
    out, err = talk.communicate(timeout=PATIENCE)
    assert talk.returncode == 0, err
    assert texts(out) == [str(number) for number in range(40)]
    out, err = tail.communicate(timeout=PATIENCE)
    assert texts(out) == [str(number) for number in range(40)]
    seqs = [json.loads(line)["seq"] for line in out.splitlines()]
    assert seqs == list(range(1, len(seqs) + 1))
    assert re.search(r"^chatc: lost 127.0.0.1:\d+: ", err.decode(), re.MULTILINE)
    assert err.decode().count("chatc: connected to") >= 1


def test_talk_goes_on_where_it_was(run):
    assert run("--nick", "ann", "talk", "#a", given="one\n")[0] == 0
    assert run("--nick", "bob", "send", "#a", "two")[0] == 0
    status, out, _ = run("--nick", "ann", "talk", "#a", given="three\n")
    assert status == 0
    assert re.findall(r"<\w+> (\w+)", out) == ["two", "three"]


def test_talk_that_is_interrupted_keeps_what_was_typed(daemon, chatc, run):
    assert run("talk", "#a", given="before\n")[0] == 0
    daemon.kill()
    talk = chatc("talk", "#a")
    await_line(talk.stderr, "cannot connect")
    talk.stdin.write(b"typed offline\n")
    talk.stdin.flush()
    time.sleep(0.5)
    talk.send_signal(signal.SIGINT)
    _, err = talk.communicate(timeout=PATIENCE)
    assert (talk.returncode, b"1 message is not sent yet; it is kept" in err) == (1, True)
    daemon.start()
    assert run("talk", "#a", given="")[0] == 0
    assert texts(run("history", "#a", "--json")[1]) == ["before", "typed offline"]


def test_direct_messages(run):
    assert run("--nick", "ann", "rooms")[0] == 0
    assert run("--nick", "bob", "send", "@ann", "psst") == (0, "", "")
    status, out, _ = run("--nick", "ann", "tail", "@bob", "--since", "0", "--count", "1", "--json")
    assert status == 0
    event = json.loads(out)
    assert (event["room"], event["by"], event["text"]) == ("@bob", "bob", "psst")


def test_rooms_and_who(run):
    assert run("--nick", "ann", "send", "#a", "x")[0] == 0
    assert json.loads(run("rooms", "--json")[1]) == {
        "room": "#a",
        "members": 1,
        "head": 2,
        "topic": "",
        "kind": "public",
    }
    assert json.loads(run("who", "#a", "--json")[1]) == {
        "nick": "ann",
        "online": True,
        "role": "owner",
        "operator": False,
    }
    assert run("rooms")[1].split() == ["#a", "1", "member", "2", "events"]
    assert run("who", "#a")[1].split() == ["ann", "online", "owner"]


def test_a_reader_that_goes_away_ends_tail_quietly(chatc, run):
    assert run("send", "#a", given="one\ntwo\n")[0] == 0
    tail = chatc("tail", "#a", "--since", "0")
    await_line(tail.stdout, "two")
    tail.stdout.close()
    assert run("--nick", "bob", "send", "#a", given="three\nfour\n")[0] == 0
    assert tail.wait(PATIENCE) == 0
    assert b"Traceback" not in tail.stderr.read()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("send", "a", "x"), "'a' is no room"),
        (("send", "#!", "x"), "That room name is not possible"),
        (("send", "@nobody", "x"), "Nobody here is called @nobody"),
        (("history", "#none"), "There is no room #none"),
        (("--nick", "a b", "rooms"), "The server refuses the nick a b"),
        (("--server", "http://x", "rooms"), "is no address"),
        (("--profile", "../x", "rooms"), "cannot name a profile"),
    ],
)
def test_mistakes_are_one_sentence(run, arguments, said):
    status, out, err = run(*arguments)
    assert (status, out) == (1, "")
    assert err.startswith("chatc: ")
    assert err.count("\n") == 1
    assert said in err


def test_a_taken_nick_names_another(run, tmp_path):
    assert run("--nick", "ann", "rooms")[0] == 0
    status, _, err = run("--nick", "ann", "rooms", env={"XDG_STATE_HOME": str(tmp_path / "else")})
    assert status == 1
    login = "or chatc --nick ann login if it is your account"
    assert err == f"chatc: The nick ann belongs to somebody else; try --nick ann2, {login}.\n"


def test_tls_is_verified_and_never_given_up(make_daemon, run, tmp_path):
    certificate, key = make_certificate(tmp_path, "localhost")
    foreign, foreign_key = make_certificate(tmp_path, "example.org")
    secure = make_daemon()
    port, other = free_port(), free_port()
    secure.listen = (
        *secure.listen,
        f"ssl:{port}:interface=127.0.0.1:certKey={certificate}:privateKey={key}",
        f"ssl:{other}:interface=127.0.0.1:certKey={foreign}:privateKey={foreign_key}",
    )
    secure.start()
    address = f"tls://localhost:{port}"
    assert run("--server", address, "--ca", str(certificate), "send", "#a", "x") == (0, "", "")
    for server, how, said in (
        (address, (), "authority that is not trusted|signed by itself"),
        (f"tls://localhost:{other}", ("--ca", str(foreign)), "is not for the name localhost"),
        (address, ("--ca", "/nonexistent"), "cannot be read"),
    ):
        status, _, err = run("--server", server, *how, "rooms")
        assert status == 1
        assert re.search(said, err), err
        assert err.count("\n") == 1


def test_two_terminals_on_one_profile_are_two_devices(chatc, run):
    first = chatc("--nick", "ann", "tail", "#a", "--json", "--count", "2")
    await_line(first.stderr, "connected")
    second = chatc("--nick", "ann", "tail", "#a", "--json", "--count", "2")
    await_line(second.stderr, "connected")
    assert run("--nick", "ann", "send", "#a", given="one\ntwo\n")[0] == 0
    for tail in (first, second):
        assert texts(tail.communicate(timeout=PATIENCE)[0].decode()) == ["one", "two"]
        assert tail.returncode == 0
    assert json.loads(run("--nick", "bob", "who", "#a", "--json")[1])["nick"] == "ann"


def test_who_has_no_home_is_told_what_to_do(chatc):
    """As in a container or from cron: a user id without an entry in the list of users."""
    script = 'unset HOME XDG_STATE_HOME LOGNAME USER; exec "$@"'
    start = ["unshare", "--user", "--map-user=54321", "sh", "-c", script, "sh"]
    process = chatc("send", "#a", "x", prefix=start)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (1, b"")
    assert err.decode().count("\n") == 1
    assert "There is no home folder" in err.decode()
    process = chatc("--ephemeral", "send", "#a", "x", prefix=start)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "nothing is kept" in err.decode()


def test_a_home_that_is_nothing_is_none(run, chatc):
    status, out, err = run("send", "#a", "x", env={"HOME": "", "XDG_STATE_HOME": ""})
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "There is no home folder" in err
    assert not Path("/.local").exists()
    _, _, err = run(given="/join #a\n/put ~/none\n", env={"HOME": ""})
    assert "~/none cannot be read" in err


def test_a_state_folder_that_cannot_be_written_is_told_with_the_ways_out(run, tmp_path):
    (tmp_path / "file").write_text("no folder")
    status, out, err = run("--state", str(tmp_path / "file"), "rooms")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "--state" in err
    assert "--ephemeral" in err
    assert run("--state", str(tmp_path / "other"), "send", "#a", "x")[0] == 0
    assert (tmp_path / "other" / "default.sqlite").exists()


def test_ephemeral_keeps_nothing_and_is_not_for_profiles(run, tmp_path):
    for _ in range(2):  # the nick is free again
        assert run("--ephemeral", "--nick", "ann", "send", "#a", "x")[0] == 0
    assert not (tmp_path / "state").exists()
    status, _, err = run("--ephemeral", "--profile", "work", "rooms")
    assert status == 1
    assert "leave --profile and --state out" in err

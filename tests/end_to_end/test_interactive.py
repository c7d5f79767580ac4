"""chatc without a command, on a real pseudo-terminal and in real pipes, against a real daemon."""

import os
import re
import shutil
import signal
import subprocess
import termios
import time

import pytest

from tests.end_to_end.harness.processes import PATIENCE, Deadline, environment, script
from tests.end_to_end.harness.program import Program, finished
from tests.end_to_end.harness.typist import Typist

_NUMBER = re.compile("^([#@][^ ]+) [0-9]+ <")


@pytest.fixture
def sit(tmp_path, daemon):
    """Return a function that seats somebody at a terminal."""
    seated = []

    def sit(nick, **how):
        server = ["--server", f"127.0.0.1:{daemon.port}", "--nick", nick]
        seated.append(Typist(tmp_path / nick, *server, **how))
        return seated[-1]

    yield sit
    for typist in seated:
        typist.close()


def bare(lines):
    """Return ``lines`` without the times of day and the numbers of messages."""
    return [_NUMBER.sub(r"\1 <", line[6:] if line[2:3] == ":" else line) for line in lines]


def await_typing(ann, bob):
    """Wait until bob sees that ann types, who goes on with it: a busy daemon may leave it out."""
    deadline = Deadline()
    while "ann is typing" not in bob.look(0.2):
        ann.type("e\x7f")
        deadline.check("that bob sees ann type")


def test_two_people_talk_and_the_daemon_is_killed_in_mid_sentence(sit, daemon):
    ann, bob = sit("ann"), sit("bob")
    for somebody in (ann, bob):
        somebody.await_line("all commands with /help")
        somebody.type("/join #tea\r")
        somebody.await_last("#tea>")
    for somebody in (ann, bob):  # the prompt shows the room before the join is durable
        somebody.await_line("bob joined")
    ann.type("half of a sent")
    ann.await_last("#tea> half of a sent")
    await_typing(ann, bob)
    bob.type("hello 世界\r")
    lines = ann.await_line("<bob> hello 世界")
    assert lines[-1] == "#tea> half of a sent"

    daemon.kill()
    ann.await_last("#tea (offline)> half of a sent")
    ann.type("ence\r")
    ann.await_last("#tea (offline, 1 waiting)>")
    ann.type("and another\r")
    ann.await_last("#tea (offline, 2 waiting)>")
    ann.type("draft")
    lines = ann.await_last("#tea (offline, 2 waiting)> draft")
    assert lines[-3:-1] == ["queued  #tea half of a sentence", "queued  #tea and another"]

    daemon.start()
    ann.await_line("<ann> and another")
    lines = bare(ann.await_last("#tea> draft"))
    assert lines[-3:-1] == ["#tea <ann> half of a sentence", "#tea <ann> and another"]
    lines = bare(bob.await_line("and another"))
    assert [line for line in lines if "<" in line] == [
        "#tea <bob> hello 世界",
        "#tea <ann> half of a sentence",
        "#tea <ann> and another",
    ]


def test_a_flood_never_tears_the_line(sit, daemon, connect):
    ann = sit("ann", columns=60)
    ann.await_line("/help")
    ann.type("/join #tea\r")
    ann.await_last("#tea>")
    flood = finished(
        [*script("chatc"), "--server", f"127.0.0.1:{daemon.port}", "--nick", "bob", "send", "#tea"],
        given="".join(f"line {n} of many\n" for n in range(300)),
        env=environment(XDG_STATE_HOME=str(daemon.folder / "bob")),
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert flood.returncode == 0
    for letter in "typing on":
        ann.type(letter)
        ann.look(0.01)
    ann.await_line("line 299 of many")
    lines = bare(ann.await_last("#tea> typing on"))
    assert [line for line in lines if "many" in line] == [f"#tea <bob> line {n} of many" for n in range(300)]


def test_a_paste_is_one_message_and_a_narrower_window_tears_nothing(sit):
    ann = sit("ann")
    ann.await_line("/help")
    ann.type("/join #tea\r\x1b[200~first\r\nsecond\r\n\x1b[201~")
    ann.await_last("#tea> first⏎second")
    ann.type("\r")
    ann.await_line("^      second")
    ann.type("a longer line that will not fit into so narrow a window")
    ann.await_last("#tea> a longer line that will not fit into so narrow a window")
    ann.resize(30)
    lines = ann.await_last("#tea> …to so narrow a window")
    assert sum("#tea>" in line for line in lines) == 1


PASTE = "first\r/leave\r//who\r/quit\rlast\r"
"""Lines as a terminal that marks no pastes hands them over."""


def _at_once(ann, text):
    ann.type(text)


def _on_a_serial_line(ann, text):
    """Hand over letter by letter; but the first Enter with the next, as we may be kept from it too long."""
    end = text.index("\r")
    for letter in [*text[:end], text[end : end + 2], *text[end + 2 :]]:
        ann.type(letter)
        ann.look(0.001)


def _in_two_pieces(ann, text):
    middle = text.index("/quit")
    ann.type(text[:middle])
    ann.look(0.004)
    ann.type(text[middle:])


@pytest.mark.parametrize("paste", [_at_once, _on_a_serial_line, _in_two_pieces])
def test_a_paste_that_no_terminal_marks_is_one_message(sit, paste):
    ann = sit("ann", TERM="linux")
    ann.await_line("/help")
    ann.type("/join #tea\r")
    ann.await_last("#tea>")
    paste(ann, PASTE)
    ann.await_last("#tea> first⏎/leave⏎//who⏎/quit⏎last")
    ann.type("\r")
    lines = bare(ann.await_line("^      last"))
    assert lines[-6:] == [
        "#tea <ann> first",
        "      /leave",
        "      //who",
        "      /quit",
        "      last",
        "#tea>",
    ]
    ann.type("/leave\r")
    ann.await_last(">")


def test_a_paste_larger_than_a_terminals_buffer_is_one_message(sit):
    ann = sit("ann")
    ann.await_line("/help")
    ann.type("/join #tea\r")
    ann.await_last("#tea>")
    lines = [f"line {number} of what is pasted" for number in range(400)]
    ann.type("\r".join(["/leave", *lines]))
    ann.await_line("line 399 of what is pasted$")
    ann.type("\r")
    ann.await_line("^      line 399 of what is pasted")
    ann.await_last("#tea>")


def test_a_line_whose_enter_is_the_last_that_is_heard_is_kept(sit, daemon):
    ann = sit("ann")
    ann.await_line("/help")
    ann.type("/join #tea\r")
    ann.await_last("#tea>")
    daemon.kill()
    ann.await_last("#tea (offline)>")
    ann.type("good night\r")
    ann.type("\x04")
    assert ann.wait() == 0
    assert any("1 message" in line for line in ann.look())


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_tmux_pastes_without_marks(tmp_path, daemon):
    """Its paste-buffer without -p is what an old terminal does."""
    socket, chatc = tmp_path / "tmux", " ".join(script("chatc"))

    def tmux(*words):
        done = subprocess.run(
            ["tmux", "-f", "/dev/null", "-S", str(socket), *words],
            env=environment(XDG_STATE_HOME=str(tmp_path), TERM="xterm"),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        return [line for line in done.stdout.splitlines() if line]

    def await_last(*last):
        deadline = Deadline(PATIENCE)
        while (lines := bare(tmux("capture-pane", "-p")))[-len(last) :] != [*last]:
            deadline.check(f"{last} at the end of {lines}")
            time.sleep(0.05)

    tmux("new-session", "-d", "-x", "80", "-y", "24", f"{chatc} --server 127.0.0.1:{daemon.port} --nick ann")
    try:
        await_last(">")
        tmux("send-keys", "/join #tea", "Enter")
        await_last("#tea>")
        tmux("set-buffer", "first\n/leave\n/quit\nlast\n")
        tmux("paste-buffer")
        await_last("#tea> first⏎/leave⏎/quit⏎last")
        tmux("send-keys", "Enter")
        await_last("#tea <ann> first", "      /leave", "      /quit", "      last", "#tea>")
    finally:
        tmux("kill-server")


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda ann: ann.type("\x04"), 0),
        (lambda ann: ann.type("\x03"), 0),
        (lambda ann: ann.type("/quit\r"), 0),
        (lambda ann: ann.process.send_signal(signal.SIGTERM), 130),
        (lambda ann: ann.process.send_signal(signal.SIGHUP), 130),
    ],
    ids=["ctrl-d", "ctrl-c", "quit", "SIGTERM", "SIGHUP"],
)
def test_the_terminal_is_as_it_was_behind_every_end(sit, end, status):
    ann = sit("ann")
    ann.await_line("/help")
    ann.await_last(">")
    assert ann.settings != ann.before
    end(ann)
    assert ann.wait() == status
    assert ann.settings == ann.before
    assert ann.bytes.rstrip().endswith(b"\x1b[?2004l")
    assert ">" not in ann.look()[-1:]


def test_a_half_typed_line_stays_in_sight_when_a_signal_ends_us(sit):
    ann = sit("ann")
    ann.await_line("/help")
    ann.type("unfinished")
    ann.await_last("> unfinished")
    ann.process.terminate()
    ann.wait()
    assert ann.look()[-1] == "> unfinished"


def test_a_nick_that_is_taken_ends_with_a_sentence_and_the_terminal_as_it_was(sit, tmp_path, daemon):
    sit("ann").await_line("/help")
    other = Typist(tmp_path / "other", "--server", f"127.0.0.1:{daemon.port}", "--nick", "ann")
    try:
        assert other.wait() == 1
        assert any("belongs to somebody else" in line for line in other.look())
        assert other.settings == other.before
    finally:
        other.close()


def test_stopped_and_continued_by_a_shell(sit):
    ann = sit("ann", wrapper='set -m; "$@"; stty -a; read answer; fg')
    ann.await_line("/help")
    ann.type("/join #tea\r")
    ann.await_last("#tea>")
    ann.type("half")
    ann.await_last("#tea> half")
    ann.type("\x1a")
    ann.await_line(r"(^|\s)icanon")  # what stty sees: the terminal is as it was
    ann.type("\n")
    ann.await_last("#tea> half")
    ann.type("-typed\r")
    ann.await_line("<ann> half-typed")
    ann.type("\x04")
    ann.wait()
    assert ann.settings == ann.before


def test_stopped_from_outside_and_continued(sit):
    ann = sit("ann")
    ann.await_line("/help")
    ann.type("half")
    ann.await_last("> half")
    ann.process.send_signal(signal.SIGSTOP)
    ann.process.send_signal(signal.SIGCONT)
    ann.type("-typed")
    ann.await_last("> half-typed")
    assert ann.settings[3] & termios.ICANON == 0


def test_colour_only_where_it_is_not_refused(sit):
    plain, coloured = sit("ann"), sit("bob", NO_COLOR="")
    for somebody in (plain, coloured):
        somebody.await_line("/help")
        somebody.type("/join #tea\r")
        somebody.await_last("#tea>")
        somebody.type("hi\r")
        somebody.await_line("> hi")
    assert b"\x1b[0m" in coloured.bytes
    assert b"m" not in {part[-1:] for part in plain.bytes.split(b"\x1b[")[1:] if part[-1:] == b"m"}
    assert plain.terminal.sgr == set()


def test_a_plain_terminal_gets_no_escape_sequences(sit):
    ann = sit("ann", TERM="dumb")
    ann.await_line("connected to")
    ann.type("/join #tea\nhello\n")
    ann.await_line("<ann> hello")
    ann.type("\x04")
    assert ann.wait() == 0
    assert b"\x1b" not in ann.bytes
    assert ann.settings == ann.before


# ---- pipes ------------------------------------------------------------------------------------------------


@pytest.fixture
def pipe(tmp_path, daemon):
    """Return a function that runs chatc with its input from a pipe."""

    def pipe(nick, lines, **how):
        return finished(
            [*script("chatc"), "--server", f"127.0.0.1:{daemon.port}", "--nick", nick],
            given=lines,
            capture_output=True,
            env=environment(XDG_STATE_HOME=str(tmp_path / nick), TERM="xterm"),
            timeout=PATIENCE,
            check=False,
            **how,
        )

    return pipe


def test_in_a_pipe_lines_go_in_and_lines_come_out(pipe, daemon):
    done = pipe("ann", b"/join #tea\nhello\n//slash\n/who\nlast, without an end")
    assert done.returncode == 0
    assert done.stderr.decode() == f"chatc: connected to 127.0.0.1:{daemon.port}\n"
    lines = bare(done.stdout.decode().splitlines())
    assert sorted(lines) == sorted(
        [
            "#tea * ann joined",
            "#tea <ann> hello",
            "#tea <ann> /slash",
            "#tea has 1 member. online: ann (owner)",
            "#tea <ann> last, without an end",
        ]
    )


def test_in_a_pipe_everything_takes_effect_in_the_order_of_its_lines(pipe, sit):
    bob = sit("bob")
    bob.await_line("/help")
    bob.type("/join #tea\r")
    bob.await_last("#tea>")
    done = pipe("ann", b"/join #tea\nhello\n/topic over\nstill ann\n/nick anna\ngood night\n/leave\n")
    assert (done.returncode, b"Not sent" in done.stderr) == (0, False)
    lines = bare(bob.await_line("anna left"))
    assert [line for line in lines if line.startswith("#tea ") and "bob" not in line] == [
        "#tea * ann joined",
        "#tea <ann> hello",
        "#tea * ann set the topic: over",
        "#tea <ann> still ann",
        "#tea * ann is now anna",
        "#tea <anna> good night",
        "#tea * anna left",
    ]


def test_what_is_entered_while_the_link_is_down_takes_effect_in_its_order(sit, daemon):
    ann, bob = sit("ann"), sit("bob")
    for somebody in (ann, bob):
        somebody.await_line("/help")
        somebody.type("/join #tea\r")
        somebody.await_last("#tea>")
    ann.await_line("ann joined")
    bob.await_line("bob joined")  # the prompt shows the room before the join is durable
    daemon.kill()
    ann.await_last("#tea (offline)>")
    ann.type("good night\r")
    ann.await_last("#tea (offline, 1 waiting)>")
    ann.type("/leave\r")
    ann.await_line("/leave is asked as soon as there is a connection and the message before")
    daemon.start()
    lines = bare(bob.await_line("ann left"))
    assert [line for line in lines if "good night" in line or "left" in line] == [
        "#tea <ann> good night",
        "#tea * ann left",
    ]
    ann.await_last(">")


def test_what_a_pipe_could_not_say_is_told_and_ends_with_status_1(pipe):
    done = pipe("ann", b"nowhere\n/join #tea\nok\n\xff\n" + b"x" * 20_000 + b"\n")
    said = done.stderr.decode()
    assert done.returncode == 1
    assert "you are in no room yet" in said
    assert "not UTF-8" in said
    assert "16384 are the limit" in said
    assert "<ann> ok" in done.stdout.decode()


def test_a_pipe_sends_more_than_may_wait_at_once_and_all_arrives_in_order(pipe):
    lines = [f"line {n}" for n in range(3000)]
    done = pipe("ann", "\n".join(["/join #tea", *lines]).encode())
    assert done.returncode == 0
    assert [line.partition("> ")[2] for line in done.stdout.decode().splitlines()[1:]] == lines


def test_a_reader_that_goes_away_ends_it(tmp_path, daemon):
    reading, writing = os.pipe()
    near, far = os.pipe()
    process = Program(
        [*script("chatc"), "--server", f"127.0.0.1:{daemon.port}", "--nick", "ann"],
        stdin=near,
        stdout=writing,
        stderr=subprocess.DEVNULL,
        env=environment(XDG_STATE_HOME=str(tmp_path / "ann")),
    )
    os.close(writing)
    os.close(near)
    os.close(reading)
    os.write(far, b"/join #tea\nhello\n")
    assert process.wait(PATIENCE) == 0
    os.close(far)

"""chatc through real proxies, tinyproxy and microsocks: with a password, without, dying, coming back."""

import json
import re
import socket
import subprocess
import threading
import time

import pytest

from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, Deadline, environment, free_port, script
from tests.end_to_end.harness.program import Program
from tests.end_to_end.harness.proxies import PASSWORD, USER, Microsocks, Tinyproxy, TlsFront

KINDS = [(Tinyproxy, "http"), (Microsocks, "socks5"), (Microsocks, "socks5h")]
BOTH = [(Tinyproxy, "http"), (Microsocks, "socks5h")]

THE_PROXY_ALONE_KNOWS_IT = "2130706433"
"""127.0.0.1 to getaddrinfo(3), and to nobody who looks whether an address is this machine's."""


@pytest.fixture
def make_proxy(tmp_path):
    """Return a function that starts a proxy; all are ended."""
    made = []

    def make(kind, *, named=False, start=True):
        made.append(kind(tmp_path / f"proxy{len(made)}", named=named))
        return made[-1].start() if start else made[-1]

    yield make
    for one in made:
        one.kill()


def end(process):
    """End ``process`` if it is still there, and close what it wrote to."""
    if process.poll() is None:
        process.kill()
    process.wait(PATIENCE)
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()


class Chatc:
    """Runs chatc with a profile of its own; what it says never holds the password."""

    def __init__(self, folder):
        self._folder = folder

    def popen(self, *arguments, **variables):
        return Program(
            [*script("chatc"), *arguments],
            cwd=self._folder,
            env=environment(XDG_STATE_HOME=str(self._folder / "state"), **variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments, **variables):
        process = self.popen(*arguments, **variables)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            end(process)
        assert PASSWORD not in out + err
        return process.returncode, out, err


@pytest.fixture
def chatc(tmp_path):
    return Chatc(tmp_path)


def said(chatc, daemon):
    """Return the texts in #a, as somebody sees them who needs no proxy."""
    reader = ("--server", f"{LOOPBACK}:{daemon.port}", "--nick", "reader")
    status, out, err = chatc(*reader, "history", "--json", "--limit", "1000", "#a")
    assert status == 0, err
    return [event["text"] for event in map(json.loads, out.splitlines()) if event["kind"] == "message"]


# ---- there and back -----------------------------------------------------------------------------


@pytest.mark.parametrize("named", [False, True], ids=["anonymous", "with a password"])
@pytest.mark.parametrize(("kind", "scheme"), KINDS, ids=[scheme for _, scheme in KINDS])
def test_messages_go_through(daemon, make_proxy, chatc, kind, scheme, named):
    proxy = make_proxy(kind, named=named)
    host = "localhost" if scheme == "socks5" else LOOPBACK
    status, out, err = chatc(
        "--server", f"{host}:{daemon.port}", "--proxy", proxy.url(scheme), "send", "-v", "#a", "hello"
    )
    assert (status, out) == (0, ""), err
    assert f"chatc: connected to {host}:{daemon.port}" in err
    assert said(chatc, daemon) == ["hello"]
    assert proxy.log_file.stat().st_size, "the proxy has had nothing to do"


@pytest.mark.parametrize("userinfo", ["", f"{USER}:wrong@", f"wrong:{PASSWORD}@"])
@pytest.mark.parametrize(("kind", "scheme"), BOTH, ids=[scheme for _, scheme in BOTH])
def test_a_password_that_is_wrong_or_missing_is_a_sentence_at_once(
    daemon, make_proxy, chatc, kind, scheme, userinfo
):
    proxy = make_proxy(kind, named=True)
    status, _, err = chatc(
        "--server", f"{LOOPBACK}:{daemon.port}", "--proxy", proxy.url(scheme, userinfo), "send", "#a", "hello"
    )
    assert status == 1
    (line,) = err.splitlines()
    assert line.startswith(f"chatc: the proxy {LOOPBACK}:{proxy.port} refused: ")
    if scheme == "http" and not userinfo:
        assert "407 Proxy Authentication Required" in line
    hint = "look at the name and the password." if userinfo else f"{scheme}://USER:PASSWORD@{LOOPBACK}:"
    assert hint in line
    status, _, err = chatc("--server", f"{LOOPBACK}:{daemon.port}", "history", "#a")
    assert "hello" not in err, "what failed is not sent later"


def test_a_bad_proxy_is_a_sentence_at_once(chatc):
    status, _, err = chatc("--proxy", f"socks4://{USER}:{PASSWORD}@h:1", "rooms")
    assert (status, err.count("\n")) == (1, 1)
    assert err.startswith("chatc: The proxy in --proxy begins with socks4://; write http://, ")


# ---- what is not there yet ----------------------------------------------------------------------

NO_SERVER = {
    "http": r"could not reach the server \(500 Unable to connect\); it is not running, .*",
    "socks5h": r"could not reach the server: nothing listens there \(SOCKS reply 5\)",
}


@pytest.mark.parametrize(("kind", "scheme"), BOTH, ids=[scheme for _, scheme in BOTH])
def test_what_the_proxy_cannot_reach_is_tried_again(make_daemon, make_proxy, chatc, kind, scheme):
    daemon, proxy = make_daemon(), make_proxy(kind)
    place = f"{LOOPBACK}:{daemon.port}"
    talking = chatc.popen("--server", place, "--proxy", proxy.url(scheme), "send", "-v", "#a", "hello")
    try:
        line = talking.stderr.readline()
        reason = f"the proxy {LOOPBACK}:{proxy.port} {NO_SERVER[scheme]}"
        assert re.fullmatch(rf"chatc: cannot connect to {place}: {reason}; retrying in \S+ s\n", line)
        daemon.start()
        assert talking.wait(PATIENCE) == 0
    finally:
        end(talking)
    assert said(chatc, daemon) == ["hello"]


@pytest.mark.parametrize(("kind", "scheme"), BOTH, ids=[scheme for _, scheme in BOTH])
def test_a_proxy_that_is_not_there_is_tried_again(daemon, make_proxy, chatc, kind, scheme):
    proxy = make_proxy(kind, start=False)
    place = f"{LOOPBACK}:{daemon.port}"
    talking = chatc.popen("--server", place, "--proxy", proxy.url(scheme), "send", "-v", "#a", "hello")
    try:
        reason = f"the proxy {LOOPBACK}:{proxy.port} is not reachable: Connection refused"
        assert talking.stderr.readline().startswith(
            f"chatc: cannot connect to {place}: {reason}; retrying in "
        )
        proxy.start()
        assert talking.wait(PATIENCE) == 0
    finally:
        end(talking)
    assert said(chatc, daemon) == ["hello"]


def test_a_proxy_that_accepts_and_says_nothing_costs_ten_seconds(chatc):
    with socket.create_server((LOOPBACK, 0)) as silent:
        silent.settimeout(PATIENCE)
        port = silent.getsockname()[1]
        began = time.monotonic()  # before it dials, of which this process may learn late
        talking = chatc.popen("--proxy", f"http://{LOOPBACK}:{port}", "send", "-v", "#a", "hello")
        try:
            taken, _ = silent.accept()
            dialled = time.monotonic()
            line = talking.stderr.readline()
            ended = time.monotonic()
        finally:
            end(talking)
        taken.close()
    reason = "gave no answer: timed out; probably it cannot reach the server"
    assert f"the proxy {LOOPBACK}:{port} {reason}; retrying in " in line
    assert ended - began > 9.5
    assert ended - dialled < PATIENCE


# ---- TLS ----------------------------------------------------------------------------------------


@pytest.fixture
def secure(make_daemon, certificate):
    """Return a function that starts a daemon which speaks TLS too; it returns it, its port and its CA."""

    def make(name="localhost"):
        file, key = certificate(name)
        daemon = make_daemon(listen=())
        port = free_port()
        daemon.listen = (
            *daemon.listen,
            f"ssl:{port}:interface={LOOPBACK}:certKey={file}:privateKey={key}",
        )
        return daemon.start(), port, file

    return make


@pytest.mark.parametrize(("kind", "scheme"), BOTH, ids=[scheme for _, scheme in BOTH])
def test_tls_goes_through_and_is_verified(secure, make_proxy, chatc, kind, scheme):
    daemon, port, authority = secure()
    proxy = make_proxy(kind, named=True)
    way = ["--server", f"tls://{LOOPBACK}:{port}", "--proxy", proxy.url(scheme)]
    status, _, err = chatc(*way, "--ca", str(authority), "send", "#a", "hello")
    assert status == 0, err
    assert said(chatc, daemon) == ["hello"]
    status, _, err = chatc(*way, "send", "#a", "never")
    assert (status, err.count("\n")) == (1, 1)
    assert f"The certificate of {LOOPBACK}:{port} is signed by itself" in err


def test_the_name_of_the_server_is_verified_not_that_of_the_proxy(secure, make_proxy, chatc):
    _, port, authority = secure("other.example")
    proxy = make_proxy(Tinyproxy)
    status, _, err = chatc(
        *("--server", f"tls://localhost:{port}", "--proxy", proxy.url("http"), "--ca", str(authority)),
        *("send", "#a", "hello"),
    )
    assert status == 1
    assert f"The certificate of localhost:{port} is not for the name localhost" in err


def test_tls_goes_through_tls(secure, make_proxy, chatc):
    daemon, port, authority = secure()
    proxy = make_proxy(Tinyproxy, named=True)
    key = authority.with_suffix(".key")
    with TlsFront(authority, key, proxy.port) as front:
        url = f"https://{USER}:{PASSWORD}@localhost:{front.port}"
        way = ["--server", f"tls://localhost:{port}", "--proxy", url]
        status, _, err = chatc(*way, "--ca", str(authority), "send", "#a", "hello")
        assert status == 0, err
        status, _, untrusted = chatc(*way, "send", "#a", "never")
    assert said(chatc, daemon) == ["hello"]
    assert status == 1
    assert untrusted.startswith(
        f"chatc: The certificate of the proxy localhost:{front.port} is signed by itself"
    )


def test_a_proxy_without_tls_is_told_from_one_with(daemon, chatc):
    place = f"{LOOPBACK}:{daemon.port}"  # it answers, and not in TLS
    status, _, err = chatc("--server", place, "--proxy", f"https://{place}", "send", "#a", "hello")
    assert status == 1
    assert err == f"chatc: the proxy {place} does not speak TLS; write http://{place}.\n"


# ---- the environment ----------------------------------------------------------------------------


def test_the_environment_names_the_proxy(daemon, make_proxy, chatc):
    proxy = make_proxy(Tinyproxy)
    place = f"{THE_PROXY_ALONE_KNOWS_IT}:{daemon.port}"
    status, _, err = chatc("--server", place, "send", "#a", "hello", HTTPS_PROXY=proxy.url("http"))
    assert status == 0, err
    assert place in proxy.log_file.read_text()
    dead = make_proxy(Tinyproxy, start=False).url("http")
    for variables in ({"NO_PROXY": place}, {"no_proxy": "*"}):
        status, _, err = chatc("--server", place, "send", "#a", "past it", HTTPS_PROXY=dead, **variables)
        assert status == 0, err
    status, _, err = chatc("--server", place, "--proxy", "none", "send", "#a", "past it", HTTPS_PROXY=dead)
    assert status == 0, err
    assert said(chatc, daemon) == ["hello"] + ["past it"] * 3


def test_a_server_on_this_machine_needs_no_proxy_of_the_environment(daemon, make_proxy, chatc):
    dead = make_proxy(Tinyproxy, start=False).url("http")
    variables = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), dead)
    status, _, err = chatc("--server", f"localhost:{daemon.port}", "send", "#a", "hello", **variables)
    assert status == 0, err


# ---- a proxy that dies in the middle ------------------------------------------------------------

COUNT = 150


class Collector(threading.Thread):
    """Keeps the lines of a stream."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.lines = []
        self._stream = stream
        self.start()

    def run(self):
        for line in self._stream:
            self.lines.append(line)

    def wait_for(self, found, what):
        deadline = Deadline(PATIENCE)
        while not any(found(line) for line in self.lines):
            deadline.check(f"{what} in {''.join(self.lines)}")
            time.sleep(0.02)


def numbered(lines, nick):
    events = [json.loads(line) for line in lines]
    return [e["text"] for e in events if e["kind"] == "message" and e["by"] == nick]


@pytest.mark.parametrize(("kind", "scheme"), BOTH, ids=[scheme for _, scheme in BOTH])
def test_nothing_is_lost_when_the_proxy_dies_and_comes_back(daemon, make_proxy, connect, chatc, kind, scheme):
    proxy = make_proxy(kind, named=True)
    place = f"{LOOPBACK}:{daemon.port}"
    other = connect(daemon)
    other.enter("other")
    other.join("#a")
    talking = chatc.popen(
        "--server", place, "--nick", "ann", "--proxy", proxy.url(scheme), "talk", "--json", "#a"
    )
    out, err = Collector(talking.stdout), Collector(talking.stderr)
    try:
        err.wait_for(lambda line: "connected to" in line, "the connection")
        for number in range(1, COUNT + 1):
            talking.stdin.write(f"from ann {number}\n")
            talking.stdin.flush()
            other.send("#a", f"from other {number}", number)
            if number == COUNT // 3:
                proxy.kill()
                err.wait_for(lambda line: "is not reachable" in line, "the loss")
            if number == 2 * COUNT // 3:
                proxy.start()
            time.sleep(0.005)
        err.wait_for(lambda line: line is not err.lines[0] and "connected to" in line, "the return")
        out.wait_for(lambda line: f'"from other {COUNT}"' in line, "the last message")
        talking.stdin.close()
        assert talking.wait(PATIENCE) == 0
        out.join(PATIENCE)
    finally:
        end(talking)
    (lost,) = [line for line in err.lines if line.startswith("chatc: lost ")]
    reason = rf"closed by the proxy {LOOPBACK}:{proxy.port} or the server behind it"
    assert re.fullmatch(rf"chatc: lost {place}: {reason}\n", lost)
    assert PASSWORD not in "".join(err.lines)
    ann, others = [[f"from {who} {n}" for n in range(1, COUNT + 1)] for who in ("ann", "other")]
    assert numbered(out.lines, "other") == others
    assert numbered(out.lines, "ann") == ann
    everything = said(chatc, daemon)
    assert [text for text in everything if "ann" in text] == ann
    assert [text for text in everything if "other" in text] == others

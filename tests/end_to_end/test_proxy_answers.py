"""What real proxies answer where they lead nowhere, and what is made of it (docs/USERGUIDE.md)."""

import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.end_to_end.harness import proxies
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, PYTHON, environment, free_port, script
from tests.end_to_end.harness.program import Program
from tests.end_to_end.harness.proxies import USER

ASK = """
import json, sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from chatd.client.core.address import parse_address
from chatd.client.core.proxy import parse_proxy
from chatd.client.net.way import way_to

found = {}
questions = json.loads(sys.argv[1])

class Silent(Protocol):
    def __init__(self, ended):
        self.ended = ended
    def connectionLost(self, reason):
        self.ended(reason)

def ask(name, server, proxy):
    way = way_to(reactor, parse_address(server), None, parse_proxy(proxy))
    def tell(ending):
        found[name] = [ending.text, ending.slow, ending.code]
        if len(found) == len(questions):
            reactor.stop()
    factory = Factory.forProtocol(lambda: Silent(lambda reason: tell(way.unheard(reason))))
    factory.noisy = False
    way.endpoint().connect(factory).addErrback(lambda failure: tell(way.ending(failure)))

for name, question in questions.items():
    ask(name, *question)
reactor.callLater(15, reactor.stop)
reactor.run()
print(json.dumps(found))
"""
"""Asks the ways of `chatd.client.net.way`, all at once, and prints what their ends mean."""

UNREACHED = r"could not reach the server \({}\); it is not running, or not known or reachable there"
FORBIDDEN = r"lets nobody through to port \d+ \({}\); most allow only 443: ask for a listener there"
NO_PROXY = r"makes no connections \({}\): it is a web server, or knows no CONNECT; name another"
AUTHENTICATION = r"refused: {}; it wants a name and a password: http://USER:PASSWORD@127.0.0.1:\d+\."
WRONG = r"refused: {}; look at the name and the password\."
CLOSED = "closed the connection without an answer; probably it could not reach the server behind it"
SILENT = (
    "opened a way, and the server behind it said nothing; it is probably not running, or cannot be reached"
    " from there"
)
NOT_REACHED = r"could not reach the server: {} \(SOCKS reply \d\)"
NO_REASON = r"could not reach the server, and gives no reason; .* or its name is not known there"
NO_METHOD = "refused: none of our methods of authentication will do; it wants a name and a password: .*"

WEB = {
    "refused": UNREACHED.format("503 Service Unavailable"),
    "unreachable": UNREACHED.format("503 Service Unavailable"),
    "unknown": UNREACHED.format("50[023] .*"),
    "not allowed": FORBIDDEN.format("403 .*"),
    "no password": AUTHENTICATION.format("407 Proxy Authentication Required"),
    "wrong password": WRONG.format("407 Proxy Authentication Required"),
}
SAME = ("refused", "unreachable", "unknown")

TABLE = {
    "Squid": WEB,
    "Apache": WEB,
    "Tinyproxy": {
        **dict.fromkeys(SAME, UNREACHED.format("500 Unable to connect")),
        "not allowed": FORBIDDEN.format("403 Access violation"),
        "no password": WEB["no password"],
        "wrong password": WRONG.format("401 Unauthorized"),
    },
    "Privoxy": {
        "refused": UNREACHED.format("503 Connect failed"),
        "unreachable": UNREACHED.format("503 Connect failed"),
        "unknown": UNREACHED.format("404 No such domain"),
        "not allowed": FORBIDDEN.format("403 Request blocked by Privoxy"),
    },
    "Nginx": dict.fromkeys(SAME, NO_PROXY.format("40[05] .*")),
    "HaproxyWeb": dict.fromkeys(SAME, UNREACHED.format("503 Service Unavailable")),
    "Microsocks": {
        "refused": NOT_REACHED.format("nothing listens there"),
        "unreachable": NOT_REACHED.format("the network is unreachable from there"),
        "unknown": NO_REASON + r" \(SOCKS reply 1\)",
        "no password": NO_METHOD,
        "wrong password": WRONG.format("authentication failed"),
    },
    "Dante": {
        "refused": NOT_REACHED.format("nothing listens there"),
        "unreachable": NOT_REACHED.format("the network is unreachable from there"),
        "unknown": NOT_REACHED.format("the host is unreachable from there, or its name is not known there"),
        "not allowed": r"lets nobody through to 127\.0\.0\.1:\d+; ask whoever keeps it \(SOCKS reply 2\)",
        "no password": NO_METHOD,
        "wrong password": WRONG.format("authentication failed"),
    },
    "Pproxy": dict.fromkeys(SAME, SILENT),
    "PproxyWeb": dict.fromkeys(SAME, CLOSED),
    "SshTunnel": {**dict.fromkeys(SAME, CLOSED), "not allowed": CLOSED},
}
"""By proxy and situation: what ``chatc`` says behind ``the proxy HOST:PORT``."""

SLOW = ("lets nobody", "makes no connections")


@pytest.fixture
def start():
    """Return a function that starts a proxy in a folder that its own user may read; all are ended."""
    made = []

    def start(name, **how):
        folder = Path(tempfile.mkdtemp(prefix="chatd-proxy-"))
        folder.chmod(0o755)
        made.append((folder, None))
        proxy = getattr(proxies, name)(folder, **how)
        made.append((folder, proxy))
        return proxy.start()

    yield start
    for folder, proxy in reversed(made):
        if proxy is not None:
            proxy.kill()
        shutil.rmtree(folder, ignore_errors=True)


def questions(start, name):
    """Return what is to be asked of proxies of the kind ``name``, as pairs of a server and a proxy."""
    scheme = getattr(proxies, name).schemes[-1]
    dead = free_port()
    servers = {"refused": LOOPBACK, "unreachable": "255.255.255.255", "unknown": "no-such.invalid"}
    open_ = start(name).url(scheme)
    asked = {what: (f"{host}:{dead}", open_) for what, host in servers.items()}
    if "not allowed" in TABLE[name]:
        asked["not allowed"] = (f"{LOOPBACK}:{dead}", start(name, strict=True).url(scheme))
    if "no password" in TABLE[name]:
        closed = start(name, named=True)
        asked["no password"] = (f"{LOOPBACK}:{dead}", closed.url(scheme, ""))
        asked["wrong password"] = (f"{LOOPBACK}:{dead}", closed.url(scheme, f"{USER}:wrong@"))
    return asked


@pytest.mark.parametrize("name", TABLE)
def test_each_answer_is_a_sentence_with_what_to_do(start, tmp_path, name):
    asked = questions(start, name)
    done = subprocess.run(
        [PYTHON, "-c", ASK, json.dumps(asked)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE + 15,
        check=True,
    )
    found = json.loads(done.stdout)
    assert set(found) == set(TABLE[name])
    for what, words in TABLE[name].items():
        text, slow, code = found[what]
        assert re.fullmatch(rf"the proxy 127\.0\.0\.1:\d+ {words}", text), (what, text)
        assert slow == any(word in text for word in SLOW), (what, text)
        assert code == ("proxy-authentication" if "password" in what else "")


# ---- whole clients --------------------------------------------------------------------------------------


def test_who_is_not_let_through_asks_rarely(start, tmp_path):
    proxy = start("Squid", strict=True)
    way = ["--server", f"{LOOPBACK}:7411", "--proxy", proxy.url("http")]
    process = Program(
        [*script("chatc"), "--ephemeral", *way, "send", "-v", "#a", "x"],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        process.stderr.readline()  # nothing is kept
        line = process.stderr.readline()
        time.sleep(3)
        process.kill()
        rest = process.stderr.read()
    assert "lets nobody through to port 7411 (403 " in line
    assert float(re.search(r"retrying in ([\d.]+) s", line)[1]) >= 5
    assert rest == ""

"""Webhooks of a real daemon that is killed: every post has one effect, and everything is told, in order."""

import http.client
import json
import random
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chatd.webhooks.signing import sign
from chatd.wire.messages import AddHook, History, Hooks
from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, Deadline, free_port
from tests.end_to_end.harness.raw import Raw

POSTS = 40
KILLS = 2


class Receiver(BaseHTTPRequestHandler):
    """Takes what is told, in the moods of the server's ``dice``; ``got`` is what it has taken, checked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        server = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signed = sign(server.secret, int(self.headers["Chatd-Timestamp"]), body)
        assert self.headers["Chatd-Signature"] == signed
        mood = server.dice.choice(["take"] * 4 + ["refuse", "die", "slow"])
        if mood == "slow":
            time.sleep(0.1)
        if mood != "refuse":
            server.got += json.loads(body)["events"]
        if mood == "die":
            self.close_connection = True
            return
        self.send_response(500 if mood == "refuse" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def receiver(tmp_path):
    servers = []

    def start(certificate=None):
        server = ThreadingHTTPServer((LOOPBACK, 0), Receiver)
        server.got, server.dice, server.secret = [], random.Random(7), ""
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def post(port, secret, text, key):
    """Post ``text`` until it is answered; return the number of its event."""
    deadline = Deadline(PATIENCE)
    while True:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
        try:
            head = {"Idempotency-Key": key, "Content-Type": "text/plain", "Authorization": f"Bearer {secret}"}
            connection.request("POST", "/hooks", text, head)
            answer = connection.getresponse()
            said = json.loads(answer.read())
            if answer.status == 200:
                return said["seq"]
            assert answer.status == 503, said
        except (OSError, http.client.HTTPException):
            pass  # the daemon was killed, or is not back
        finally:
            connection.close()
        deadline.check("the answer to a post")
        time.sleep(0.02)


@pytest.fixture
def site(make_daemon):
    """Return a daemon that listens for HTTP as well, on the port ``web``, and tells this machine."""
    daemon = make_daemon()
    daemon.web, daemon.listen = free_port(), ()
    daemon._config.write_text(
        f"""
[hooks]
allow = ["{LOOPBACK}"]

[[listen]]
endpoint = "tcp:{daemon.port}:interface={LOOPBACK}"

[[listen]]
endpoint = "tcp:{daemon.web}:interface={LOOPBACK}"
protocol = "web"
"""
    )
    return daemon.start()


def wait_until(what, holds):
    deadline = Deadline(PATIENCE)
    while not holds():
        deadline.check(what)
        time.sleep(0.01)


def once(events):
    """Return ``events`` without those that are not behind the last one, which came before."""
    told, last = [], 0
    for event in events:
        if event["seq"] > last:
            told.append(event)
            last = event["seq"]
    return told


def test_posts_and_what_is_told_survive_kills(site, connect, receiver, tmp_path):
    server, strange = receiver(), receiver(make_certificate(tmp_path))
    ann = connect(site)
    token = ann.enter("ann").token
    ann.join("#tea")
    urls = {
        "mirror": f"http://{LOOPBACK}:{server.server_port}/x",
        "strange": f"https://{LOOPBACK}:{strange.server_port}/",
        "ci": "",
    }
    secrets = {name: ann.ask(AddHook, room="#tea", name=name, url=url).secret for name, url in urls.items()}
    server.secret = secrets["mirror"]
    numbers, seqs = iter(range(POSTS)), {}

    def talk():
        for number in numbers:
            seqs[number] = post(site.web, secrets["ci"], f"post {number}", f"key {number}")

    talkers = [threading.Thread(target=talk) for _ in range(3)]
    for talker in talkers:
        talker.start()
    for kill in range(1, KILLS + 1):
        wait_until("posts", lambda part=kill: len(seqs) >= POSTS * part // (KILLS + 1))
        site.kill()
        site.start()
    for talker in talkers:
        talker.join(PATIENCE)
    with Raw(dial(site.port)) as back:
        back.enter(token=token)
        log = [json.loads(bytes(event)) for event in back.ask(History, room="#tea", limit=200).events]
        assert {event["seq"]: event["text"] for event in log if event["kind"] == "message"} == {
            seq: f"post {number}" for number, seq in seqs.items()
        }
        assert len(seqs) == POSTS
        wait_until("all to be told", lambda: len({event["seq"] for event in server.got}) >= len(log) - 1)
        assert once(server.got) == log[1:]

        def trouble():
            return {hook.name: hook.trouble for hook in back.ask(Hooks, room="#tea").hooks}["strange"]

        wait_until("the certificate to be refused", lambda: "certificate" in trouble())
        assert strange.got == []

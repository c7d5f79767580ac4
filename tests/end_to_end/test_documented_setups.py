"""The set-ups of the manuals, followed word for word as a newcomer would, on a machine of their own.

A network and an /etc of their own make it possible to use the ports, names and paths that stand there.
"""

import datetime as dt
import os
import re
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.end_to_end.harness.haproxy import HAPROXY
from tests.end_to_end.harness.processes import LOOPBACK, ROOT, environment

OPERATIONS = (ROOT / "docs" / "OPERATIONS.md").read_text()
README = (ROOT / "README.md").read_text()
UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
PATIENCE = 60.0

BARE = """
set -eu
mkdir -p machine
mount -t tmpfs machine machine
mkdir machine/etc machine/work
mount -t overlay machine -o lowerdir=/etc,upperdir=$PWD/machine/etc,workdir=$PWD/machine/work /etc
ip link set lo up
"""
"""A machine with an /etc and a network of its own, if such a thing can be made here."""

MACHINE = f"""
{BARE}
ip address add 10.0.0.5/32 dev lo
echo '127.0.0.1 localhost chat.example.org' > /etc/hosts
"""
"""The machine of a newcomer; the prompt is in an empty folder."""


ANSWER = """
import os, pty, sys, time
pid, near = pty.fork()
if not pid:
    os.execvp(sys.argv[1], sys.argv[1:])
said = b""
for wanted, answer in ((b"[y/N] ", b"y\\r"), (b"/help", b"/quit\\r"), (None, b"")):
    try:
        while wanted is None or wanted not in said:
            said += os.read(near, 4096)
    except OSError:
        pass
    time.sleep(0.1)
    os.write(near, answer) if answer else None
print(said.decode(errors="replace").replace("\\r", ""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
"""Sits at a terminal for somebody who says yes, looks around and leaves."""


def section(page, heading):
    """Return what stands under ``heading``."""
    return re.search(rf"(?ms)^#+ {re.escape(heading)}\n(.*?)(?=^## |\Z)", page)[1]


def blocks(text, kind):
    """Return the code blocks of ``kind`` in ``text``."""
    found = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", text)
    return [body for which, body in found if which == kind]


def make_machine(folder):
    """Skip where such a machine cannot be made."""
    done = subprocess.run(
        [*UNSHARE, "sh", "-c", BARE], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a machine of its own needs root, unshare, overlayfs and ip: {done.stderr.strip()}")


@pytest.fixture
def newcomer(tmp_path):
    """Return a function that runs a script on a machine of its own, and returns what it printed."""
    make_machine(tmp_path)
    scripts = sysconfig.get_path("scripts")

    def run(script):
        process = subprocess.Popen(
            [*UNSHARE, "sh", "-c", MACHINE + script],
            cwd=tmp_path,
            env=environment(PATH=f"{scripts}:{os.environ['PATH']}:/usr/sbin", HOME=str(tmp_path)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            out, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            log = tmp_path / "daemon.log"
            raise AssertionError(log.read_text() if log.exists() else "no daemon was started") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            process.stdout.close()
        assert process.returncode == 0, out
        return out

    return run


def in_background(command):
    return f"{command.strip()} > daemon.log 2>&1 &\n"


def talking(command):
    """Return how somebody says hello with ``command``, once a daemon answers; it ends when that is safe."""
    return f"printf '/join #a\\nhello by {command.split()[-1]}\\n' | {command.strip()}\n"


def put(path, text):
    return f"mkdir -p $(dirname {path})\ncat > {path} <<'END-OF-FILE'\n{text}END-OF-FILE\n"


def test_the_readme(newcomer):
    (command,) = [line for block in blocks(README, "sh") for line in block.splitlines() if "/chatd" in line]
    daemon = command.split(" && ")[-1].removeprefix(".venv/bin/")
    chats = [
        line.removeprefix(".venv/bin/")
        for block in blocks(README, "sh")
        for line in block.splitlines()
        if "chatc --nick" in line
    ]
    assert len(chats) == 2
    out = newcomer(in_background(daemon) + "".join(map(talking, chats)) + "chatc history '#a'\n")
    assert "hello by ann" in out
    assert "hello by ben" in out


def test_tls_without_an_authority(newcomer):
    """Certificate, file, check, daemon and client as in OPERATIONS, TLS."""
    text = section(OPERATIONS, "TLS").split("To try it without an authority", 1)[1]
    (listener,) = blocks(text, "toml")
    make, start, talk = blocks(text, "sh")
    name = re.match(r"# (\S+)\n", listener)[1]
    check, daemon = start.strip().splitlines()
    out = newcomer(
        make
        + put(name, listener)
        + check
        + "\n"
        + in_background(daemon)
        + "until grep -q ' start ' daemon.log; do sleep 0.1; done\n"
        + put("answer.py", ANSWER)
        + f"{sys.executable} answer.py {talk}"
        + talking(talk)
        + f"chatc --server tls://{LOOPBACK} send '#a' x || echo refused\n"
    )
    assert f"{name} is right\n" in out, "the certificate is good for years, without a warning"
    (made,) = re.findall(r"(?m)^fingerprint ([0-9a-f]{64})$", out)
    assert out.split("Its fingerprint is")[1].split()[0] == made
    (words,) = re.findall(r"(?m)^in words (\S+)$", out)
    assert all(word in out.split("or, in words,")[1] for word in words.split("-"))
    assert "connected to localhost:7412" in out, "without another question"
    assert "hello by tls://localhost" in out
    assert out.endswith("refused\n"), "another origin has to be asked about"


def issued(folder):
    """Make an authority and what it issued for chat.example.org; return the authority and both files."""
    now = dt.datetime.now(dt.UTC)
    files = []
    issuer = issuer_key = None
    for name in ("Authority", "chat.example.org"):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder(issuer or subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + dt.timedelta(days=90))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(issuer_key or key, hashes.SHA256())
        )
        issuer, issuer_key = issuer or subject, issuer_key or key
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
        files.append(folder / f"{name}.crt")
        files[-1].write_bytes(certificate.public_bytes(form[0]))
        files.append(folder / f"{name}.key")
        files[-1].write_bytes(key.private_bytes(*form, serialization.NoEncryption()))
    return files[0], files[2], files[3]


def test_tls_for_a_network(newcomer, tmp_path):
    """The listeners of OPERATIONS, TLS, in the file of its Configure; the system knows the authority."""
    text = section(OPERATIONS, "TLS").split("To try it without an authority", 1)[0]
    (listeners,) = blocks(text, "toml")
    (talk,) = blocks(text, "sh")
    (check,) = blocks(section(OPERATIONS, "Configure"), "sh")
    authority, certificate, key = issued(tmp_path)
    there = dict(re.findall(r'(?m)^(certificate|key) = "(.*)"$', listeners))
    file = check.split()[-1]
    out = newcomer(
        put(file, listeners)
        + f"mkdir -p {Path(there['key']).parent}\n"
        + f"cp {certificate} {there['certificate']}\ncp {key} {there['key']}\n"
        + check
        + in_background(f"chatd --config {file}")
        + f"export SSL_CERT_FILE={authority}\n"
        + talking(talk)
        + talking("chatc --nick ben")
        + "chatc history '#a'\n"
    )
    assert f"{file} is right\n" in out
    assert "connected to chat.example.org:7412" in out
    assert "hello by tls://chat.example.org" in out
    assert "connected to 127.0.0.1:7411" in out
    assert "hello by ben" in out


@pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed")
def test_behind_a_relay(newcomer):
    """The listener and haproxy.cfg of OPERATIONS, Behind a relay."""
    text = section(OPERATIONS, "Behind a relay or a load balancer")
    (listener,) = blocks(text, "toml")
    (relay,) = blocks(text, "")
    out = newcomer(
        put("chatd.toml", listener)
        + put("haproxy.cfg", relay)
        + "chatctl check-config chatd.toml\n"
        + in_background("chatd --config chatd.toml")
        + "haproxy -db -f haproxy.cfg > haproxy.log 2>&1 &\n"
        + talking("chatc --nick ann")
        + "until grep ' client-in ' daemon.log; do sleep 0.1; done\n"
    )
    assert "connected to 127.0.0.1:7411" in out
    (line,) = re.findall(r".* client-in .*", out)
    assert "peer=127.0.0.1:" in line
    assert "relay=" in line


def test_the_listeners_of_the_configuration_are_listened_on(newcomer):
    """Every endpoint that etc/chatd.toml shows, as it stands there."""
    text = (ROOT / "etc" / "chatd.toml").read_text()
    shown = re.findall(r"(?m)^#   (\S+:\S+) {2,}\S.*$|^#   (ssl:\S+)$", text)
    endpoints = [one or other for one, other in shown if not (one or other).startswith("systemd:")]
    assert len(endpoints) >= 5
    (make, *_) = blocks(section(OPERATIONS, "TLS").split("To try it", 1)[1], "sh")
    script = make + "mkdir -p /run/chatd\nmv key.pem KEY.pem\nmv cert.pem CERTIFICATE.pem\n"
    for place, endpoint in enumerate(endpoints):
        tls = "certificate = 'CERTIFICATE.pem'\nkey = 'KEY.pem'\n" if endpoint == "tcp6:7412" else ""
        plain = "" if "7412" in endpoint else "allow_plaintext = true\n"
        script += put(
            f"{place}.toml",
            f"data = 'd{place}'\nguests = 'allowed'\n[[listen]]\nendpoint = '{endpoint}'\n{tls}{plain}",
        )
        server = {True: "tls://localhost --ca CERTIFICATE.pem", False: "localhost"}["7412" in endpoint]
        server = "unix:/run/chatd/chatd.sock" if endpoint.startswith("unix:") else server
        script += f"chatd --config {place}.toml > {place}.log 2>&1 &\ndaemon=$!\n"
        script += f"chatc --server {server} send '#a' hello && echo 'sent to {endpoint}' || cat {place}.log\n"
        script += "kill $daemon\nwait $daemon\n"
    out = newcomer("mount -t tmpfs run /run\n" + script)
    for endpoint in endpoints:
        assert f"sent to {endpoint}\n" in out

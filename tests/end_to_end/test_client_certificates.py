"""Listeners that ask clients for certificates, their tickets and their ALPN: real TLS, over loopback."""

import json
import ssl
from contextlib import ExitStack

import pytest
from click.testing import CliRunner

from chatd.chatctl import main
from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.processes import LOOPBACK, free_port, script
from tests.end_to_end.harness.program import run
from tests.end_to_end.harness.raw import Raw


@pytest.fixture
def secure(make_daemon, tmp_path):
    """Return a function that starts a daemon whose TLS listener has some more lines."""

    def secure(lines="", protocol="native", prepare=None):
        daemon = make_daemon()
        if prepare is not None:
            prepare(daemon.data)
        daemon.authority, key = make_certificate(tmp_path)
        daemon.tls_port = free_port()
        daemon._config.write_text(
            f'[[listen]]\nendpoint = "tcp:{daemon.port}:interface={LOOPBACK}"\n'
            f'[[listen]]\nendpoint = "tcp:{daemon.tls_port}:interface={LOOPBACK}"\nprotocol = "{protocol}"\n'
            f'certificate = "{daemon.authority}"\nkey = "{key}"\n{lines}'
        )
        daemon.listen = ()
        return daemon.start()

    return secure


@pytest.fixture
def clients(tmp_path):
    """Return the files of a client's certificate and key, signed by itself."""
    return make_certificate(tmp_path, "ann")


def context(daemon, *own, version=None, offers=()):
    found = ssl.create_default_context(cafile=daemon.authority)
    if own:
        found.load_cert_chain(*own)
    if version:
        found.maximum_version = version
    if offers:
        found.set_alpn_protocols(offers)
    return found


def enter(daemon, found, nick="ann", **more):
    with ExitStack() as undo:
        plain = undo.enter_context(dial(daemon.tls_port))
        connection = undo.enter_context(found.wrap_socket(plain, server_hostname="localhost", **more))
        raw = Raw(connection)
        assert raw.enter(nick).nick == nick
        undo.pop_all()
    return raw, connection


def test_a_life_with_a_certificate_and_no_password(secure, clients, tmp_path):
    """In a pipe with nothing kept; listed, removed, and refused then; all with whole programs."""

    def prepare(data):
        data.mkdir()
        for words in (("add", data, "ann", "--no-password"), ("certificate", "add", data, "ann", clients[0])):
            done = CliRunner().invoke(main, ["user", *map(str, words)])
            assert done.exit_code == 0, done.output

    asks = f'client_certificates = "optional"\nclient_ca = "{clients[0]}"\nguests = "refused"\n'
    daemon = secure(asks, prepare=prepare)
    server = (
        "--server",
        f"tls://localhost:{daemon.tls_port}",
        "--ca",
        str(daemon.authority),
        "--nick",
        "ann",
    )
    shows = ("--cert", str(clients[0]), "--key", str(clients[1]))

    def chatc(*words):
        return run(*script("chatc"), *server, *words, cwd=tmp_path)

    said = chatc(*shows, "--ephemeral", "send", "#tea", "one")
    assert said.returncode == 0, said.stderr
    refused = chatc("--ephemeral", "send", "#tea", "two")
    assert (refused.returncode, "takes no guests" in refused.stderr) == (1, True)
    kept = (*shows, "--state", "state")
    listed = chatc(*kept, "certificate", "list", "--json")
    (row,) = map(json.loads, listed.stdout.splitlines())
    assert row["here"]
    removed = chatc(*kept, "certificate", "remove", row["fingerprint"][:8])
    assert removed.returncode == 0, removed.stderr
    wrong = chatc(*shows, "--state", "other", "login", "--with-certificate")
    assert (wrong.returncode, "opens no account of that nick" in wrong.stderr) == (1, True)
    assert not daemon.faults()


VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)


@VERSIONS
def test_a_required_certificate_is_shown_or_nobody_comes_in(secure, clients, tmp_path, version):
    daemon = secure(f'client_certificates = "required"\nclient_ca = "{clients[0]}"\n')
    with enter(daemon, context(daemon, *clients, version=version))[0]:
        pass
    with pytest.raises((ssl.SSLError, OSError)):
        enter(daemon, context(daemon, version=version))
    (line,) = daemon.await_said("refused")
    assert "code=tls-certificate-missing" in line


@VERSIONS
def test_a_certificate_that_nobody_signed_is_refused_also_where_it_is_optional(
    secure, clients, tmp_path, version
):
    daemon = secure(f'client_certificates = "optional"\nclient_ca = "{clients[0]}"\n')
    with (
        enter(daemon, context(daemon, version=version))[0],
        enter(daemon, context(daemon, *clients), "ben")[0],
    ):
        pass
    strange = make_certificate(tmp_path, "eve")
    with pytest.raises((ssl.SSLError, OSError)):
        enter(daemon, context(daemon, *strange, version=version), "eve")
    (line,) = daemon.await_said("refused")
    assert "code=tls-client-refused" in line


@VERSIONS
@pytest.mark.parametrize("asks", [False, True], ids=["plain", "with certificates"])
def test_who_comes_back_shows_a_ticket(secure, clients, version, asks):
    daemon = secure(f'client_certificates = "required"\nclient_ca = "{clients[0]}"\n' if asks else "")
    found = context(daemon, *(clients if asks else ()), version=version)
    raw, connection = enter(daemon, found)
    with raw:
        session = connection.session
        assert session.has_ticket
    raw, connection = enter(daemon, found, "ben", session=session)
    with raw:
        assert connection.session_reused


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [(["chatd/1"], "chatd/1"), (["h2", "chatd/1"], "chatd/1"), ([], None), (["h2"], None)],
)
def test_the_protocol_is_agreed_on_where_a_client_names_it(secure, offers, chosen):
    daemon = secure()
    raw, connection = enter(daemon, context(daemon, offers=offers))
    with raw:
        assert connection.selected_alpn_protocol() == chosen

"""Listeners that ask clients for certificates, their tickets and their ALPN: real TLS, over loopback."""

import ssl
from contextlib import ExitStack

import pytest

from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.processes import LOOPBACK, free_port
from tests.end_to_end.harness.raw import Raw


@pytest.fixture
def secure(make_daemon, tmp_path):
    """Return a function that starts a daemon whose TLS listener has some more lines."""

    def secure(lines="", protocol="native"):
        daemon = make_daemon()
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

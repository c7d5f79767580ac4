"""Accounts that certificates open, for programs: over real TLS, in retries, and after a session's end."""

import gc
from dataclasses import replace

import pytest
from twisted.internet.protocol import Factory, Protocol

from chatd.chat import accounts, certificates
from chatd.client.api import open_client
from chatd.client.core.address import parse_address
from chatd.client.core.notices import CannotConnect, Connected, Stopped
from chatd.client.core.problems import ClientError
from chatd.client.core.session import Credentials
from chatd.client.net.reasons import closed, ending
from chatd.client.net.tickets import ATTEMPTS
from chatd.client.net.tls import Verifier
from chatd.client.profile.origins import origin_of
from chatd.client.profile.profiles import open_slot
from chatd.client.values import Options
from chatd.fingerprint import fingerprint
from chatd.wire.errors import Code
from tests.client.entering import make_client, now
from tests.client.net.test_tls import issue, pem
from tests.helpers import restart
from tests.tls import HOST, Tls, TlsEndpoint, print_of


@pytest.fixture(scope="module")
def ann():
    """Ann's certificate."""
    return issue("ann", called="ann")


@pytest.fixture
def tls(world, ann):
    """TLS before a daemon with an account that Ann's certificate opens."""
    made = Tls(world, ann)
    state = world.server.hub.world
    user = state.add_user("ann")
    accounts.make(state, user, "", 7)
    certificates.add(state, user, print_of(ann), "", 7)
    world.server.hub.change()
    return made


class Known:
    """Authorities that are never renewed."""

    def __init__(self, *certificates):
        self.certificates = certificates

    def renewed(self):
        return False


class TlsWay:
    """The way to a daemon behind TLS, by a client that shows the certificates ``own``."""

    def __init__(self, tls, *own, authority=None, pin=""):
        self.tls = tls
        self.verifier = Verifier(HOST, HOST, Known(authority or tls.own), own=own, pin=pin)

    def endpoint(self, segment=0):
        del segment
        return TlsEndpoint(self.tls, self.tls.playground.endpoint(), self.verifier)

    def ending(self, failure):
        return ending(failure, self.verifier.ending)

    def unheard(self, failure):
        assert not closed(failure)
        return self.ending(failure)


def begin(tls, *own, nick="ann", slot=None, authority=None, pin="", **how):
    client = make_client(
        tls.playground,
        nick,
        slot=slot,
        way=TlsWay(tls, *own, authority=authority, pin=pin),
        cert="ann.pem" if own else None,
        **how,
    )
    client.start()
    tls.playground.advance(2)
    return client


def test_a_certificate_begins_a_session_and_links_after_that_resume_it(tls, ann):
    client = begin(tls, ann)
    now(client.ready())
    assert (client.account.registered, client.resumed) == (True, False)
    session = client.session
    for connection in tls.playground.server.swept():
        connection.transport.abortConnection()
    tls.playground.advance(5)
    assert (client.session, client.resumed) == (session, True)


def test_who_comes_back_shows_its_ticket_also_after_a_link_that_was_lost(tls, ann):
    """And the daemon knows the certificate again, which was not sent."""
    client = begin(tls, ann)
    now(client.ready())
    assert tls.reused() == [False]
    for _ in range(3):
        for connection in tls.playground.server.swept():
            connection.transport.abortConnection()
        gc.collect()
        tls.playground.advance(5)
        assert tls.reused() == [True]
        (connection,) = tls.playground.server.swept()
        assert connection.certificate == print_of(ann)
    assert client.resumed


def test_a_ticket_that_the_server_does_not_take_costs_nothing(tls, ann):
    client = begin(tls, ann)
    now(client.ready())
    restart(tls.playground)
    tls.begin()  # with other keys for tickets
    tls.playground.advance(10)
    assert (tls.reused(), client.resumed) == ([False], True)


def test_a_server_that_changes_its_key_is_not_known_by_a_ticket(tls, ann):
    client = begin(tls, ann)
    now(client.ready())
    known = client._way.verifier._authorities
    known.renewed = lambda: True  # other authorities are trusted from now on, not the one that vouched for it
    known.certificates = [issue(HOST, called="elsewhere")]
    for connection in tls.playground.server.swept():
        connection.transport.abortConnection()
    tls.playground.advance(5)
    assert tls.reused() == []
    assert [n.reason for n in client.heard if isinstance(n, CannotConnect)]


def test_tickets_of_attempts_that_came_to_nothing_are_not_looked_for(tls, ann):
    client = begin(tls, ann)
    now(client.ready())
    for _ in range(3 * ATTEMPTS):
        mute = tls.wrapped(client._way.verifier, Factory.forProtocol(Protocol)).buildProtocol(None)
        client._way.verifier.clientConnectionForTLS(mute)
    for connection in tls.playground.server.swept():
        connection.transport.abortConnection()
    tls.playground.advance(5)
    assert tls.reused() == [True]


def test_a_server_that_is_known_by_its_key_takes_tickets_as_well(tls, ann):
    client = begin(tls, ann, authority=issue(HOST, called="elsewhere"), pin=print_of(tls.own))
    now(client.ready())
    for connection in tls.playground.server.swept():
        connection.transport.abortConnection()
    tls.playground.advance(5)
    assert tls.reused() == [True]


def test_a_session_that_was_ended_is_begun_anew_by_the_certificate(tls, ann):
    """As after an expiry, while the client was cut off: the token is worth nothing any more."""
    client = begin(tls, ann)
    now(client.ready())
    first = client.session
    tls.playground.network.cut()
    tls.playground.advance(15)
    world = tls.playground.server.hub.world
    (session,) = world.nicks["ann"].sessions
    assert session.peer is None
    world.end_session(session)
    tls.playground.server.hub.change()
    tls.playground.network.heal()
    tls.playground.advance(40)
    assert len([notice for notice in client.heard if isinstance(notice, Connected)]) >= 2
    assert client.account.registered
    assert client.session > first


def test_an_attempt_that_was_lost_is_made_again(tls, ann):
    tls.playground.network.refusing = True
    client = begin(tls, ann)
    assert client.session == 0
    tls.playground.network.refusing = False
    tls.playground.advance(30)
    assert client.account.registered


def test_the_profile_keeps_the_session_for_who_shows_nothing_later(tls, ann, tmp_path):
    def slot():
        return open_slot("default", origin_of(Options().server), "ann", "ann", folder=tmp_path)

    client = begin(tls, ann, slot=slot())
    now(client.ready())
    client.stop()
    tls.playground.advance(1)
    again = begin(tls, slot=slot())
    assert (again.resumed, again.account.registered) == (True, True)


def test_a_certificate_that_opens_nothing_ends_the_attempt_with_a_sentence(tls, ann):
    world = tls.playground.server.hub.world
    certificates.drop(world, world.nicks["ann"], print_of(ann))
    client = begin(tls, ann)
    with pytest.raises(ClientError) as caught:
        now(client.ready())
    assert caught.value.code == Code.WRONG_CERTIFICATE
    assert [notice.code for notice in client.heard if isinstance(notice, Stopped)] == [caught.value.code]


def test_a_password_counts_before_the_certificate(tls, ann):
    client = begin(tls, ann, credentials=Credentials("wrong horse"))
    with pytest.raises(ClientError) as caught:
        now(client.ready())
    assert caught.value.code == Code.WRONG_PASSWORD


def test_what_is_asked_about_certificates(tls, ann):
    client = begin(tls, ann)
    asked = client.account.add_certificate("f" * 64, "phone"), client.account.certificates()
    tls.playground.advance(1)
    assert [(row.name, row.here) for row in now(asked[1])] == [("phone", False), ("", True)]
    gone = client.account.drop_certificate("f" * 64), client.account.certificates()
    tls.playground.advance(1)
    assert [row.fingerprint for row in now(gone[1])] == [print_of(ann)]


@pytest.mark.parametrize("nobody", [True, False], ids=["not verified", "verified"])
def test_nobody_is_shown_a_certificate_who_is_not_verified(tls, ann, nobody):
    """TLS shows the server ours behind its own: one that is not the right one learns nothing of it."""
    shown = []
    context = tls.options.getContext()
    note = lambda _, seen, *__: bool(shown.append(fingerprint(seen.to_cryptography()))) or True  # noqa: E731
    context.set_verify(context.get_verify_mode(), note)
    client = begin(tls, ann, authority=issue(HOST, called="elsewhere") if nobody else None)
    assert bool(shown) is not nobody
    if nobody:
        with pytest.raises(ClientError) as caught:
            now(client.ready())
        assert caught.value.code == "bad-certificate"


def test_old_servers_take_the_hello_of_a_client_with_a_certificate(tls, ann, monkeypatch):
    """They ignore what they do not know: then it claims the nick, as any newcomer."""
    world = tls.playground.server.hub.world
    monkeypatch.setattr(world, "terms", replace(world.terms, certificates=False))
    client = begin(tls, ann, nick="dan")
    now(client.ready())
    assert not client.account.registered


def test_its_key_has_to_be_there_before_anything_is_said(tmp_path, ann):
    (tmp_path / "ann.pem").write_bytes(pem(ann))
    options = Options(server=parse_address("tls://localhost"), profile=None, cert=str(tmp_path / "ann.pem"))
    with pytest.raises(ClientError) as caught:
        open_client(None, options)
    assert caught.value.code == "bad-certificate-file"

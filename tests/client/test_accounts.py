"""Accounts for programs: a session begun by a password, what is asked about it, and its end."""

from dataclasses import replace

import pytest
from twisted.internet.defer import Deferred

from chatd.chat import accounts
from chatd.client.api import Client, open_client
from chatd.client.core.address import parse_address
from chatd.client.core.notices import LoginsFailed, Stopped
from chatd.client.core.problems import ClientError
from chatd.client.core.session import Credentials, Session, final_sentence
from chatd.client.profile.opening import recall
from chatd.client.profile.origins import origin_of
from chatd.client.profile.profiles import open_slot
from chatd.client.values import Options
from chatd.wire.errors import CloseReason, Code, RequestError
from chatd.wire.messages import Error
from tests.client.entering import MemoryWay, make_client, now

PASSWORD = "correct horse"


@pytest.fixture
def open_world(world):
    world.server.hub.world.terms = replace(world.server.hub.world.terms, registration="open")
    return world


def begin(world, nick="ann", password=PASSWORD, *, slot=None, register=False):
    client = make_client(world, nick, slot=slot, credentials=Credentials(password, register))
    client.start()
    world.advance(1)
    return client


def slot_of(tmp_path, nick="ann"):
    return open_slot("default", origin_of(Options().server), nick, nick, folder=tmp_path)


def test_nobody_goes_on_as_the_account_that_they_have_deleted(open_world, tmp_path):
    client = begin(open_world, slot=slot_of(tmp_path), register=True)
    joined = client.join("#tea")
    open_world.advance(1)
    done = client.account.delete(PASSWORD)
    open_world.advance(1)
    assert (now(joined), now(done)) == ("#tea", None)
    client.stop()
    open_world.advance(1)
    slot = open_slot("default", origin_of(Options().server), "", "login", folder=tmp_path)
    remembered = slot.remembered()
    assert (remembered.session.nick, remembered.cursors) == ("login", {})
    slot.close()


def test_registering_logging_in_and_out(open_world):
    first = begin(open_world, register=True)
    assert (first.account.registered, first.resumed, first.account.failed) == (True, False, 0)
    second = begin(open_world, "ANN")
    asked = second.account.sessions()
    open_world.advance(1)
    assert [row.here for row in now(asked)] == [True, False]
    ended = second.account.end_session(now(asked)[1].session)
    open_world.advance(1)
    assert now(ended).id
    assert [n.code for n in first.heard if isinstance(n, Stopped)] == [CloseReason.ENDED]
    out = second.account.logout(everywhere=True)
    open_world.advance(1)
    assert now(out) is None
    assert [n.code for n in second.heard if isinstance(n, Stopped)] == [CloseReason.ENDED]
    open_world.advance(60)
    assert not open_world.server.hub.world.nicks["ann"].sessions


def test_the_profile_keeps_the_session_and_no_password(open_world, tmp_path):
    slot = slot_of(tmp_path)
    client = begin(open_world, slot=slot, register=True)
    now(client.ready())
    client.stop()
    open_world.advance(1)
    assert all(PASSWORD.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    slot = slot_of(tmp_path)
    again = make_client(open_world, "ann", slot=slot)
    again.start()
    open_world.advance(1)
    assert (again.resumed, again.account.registered) == (True, True)
    again.account.logout()
    open_world.advance(1)
    again.stop()
    open_world.advance(1)
    assert slot_of(tmp_path).remembered().session.token == ""


def come_back(world, options):
    """Return the names of the devices in the list of a client that begins with ``options`` and ends again."""
    slot, remembered = recall(options)
    client = Client(options, MemoryWay(world), slot, remembered, world.clock, world.clock.seconds)
    client.start()
    world.advance(1)
    asked = client.account.sessions()
    world.advance(1)
    client.stop()
    world.advance(1)
    return [row.label for row in now(asked)]


def test_what_a_device_is_called_is_told_once_and_kept_in_the_profile(open_world, tmp_path):
    options = Options(nick="ann", folder=tmp_path)
    assert come_back(open_world, options) == [""]
    assert come_back(open_world, replace(options, device_name="kitchen")) == ["kitchen"]
    open_world.crash_server()
    open_world.start_server()
    assert come_back(open_world, options) == ["kitchen"]
    for session in open_world.server.hub.world.sessions.values():
        session.label = "what a restored copy knows"
    assert come_back(open_world, options) == ["kitchen"]
    assert come_back(open_world, replace(options, device_name="")) == [""]
    assert come_back(open_world, options) == [""]


def test_a_device_that_keeps_nothing_is_called_so_for_one_run(open_world):
    options = Options(nick="ann", profile=None, device_name="kitchen")
    assert come_back(open_world, options) == ["kitchen"]


@pytest.mark.parametrize("code", [Code.TEXT_TOO_LONG, Code.CONTROL_CHARACTER])
def test_a_server_that_refuses_the_name_is_not_asked_for_ever(code):
    error = Error(code=code, text="The name of your device is refused.")
    assert final_sentence(Session(nick="ann"), error) == error.text


def test_a_wrong_password_ends_the_attempt_with_a_sentence(open_world):
    begin(open_world, register=True).stop()
    client = begin(open_world, password="wrong horse")
    with pytest.raises(ClientError) as caught:
        now(client.ready())
    assert caught.value.code == Code.WRONG_PASSWORD
    assert begin(open_world).account.failed == 1


def test_failed_logins_are_told_once_whoever_comes_in(open_world):
    first = begin(open_world, register=True)
    begin(open_world, password="wrong horse")
    second = begin(open_world)
    heard = [(n.nick, n.count) for n in second.heard if isinstance(n, LoginsFailed)]
    assert (heard, second.account.failed) == ([("ann", 1)], 1)
    for connection in open_world.server.swept():
        connection.transport.abortConnection()
    open_world.advance(5)
    told = [n for n in first.heard + second.heard if isinstance(n, LoginsFailed)]
    assert told == [LoginsFailed("127.0.0.1:7411", "ann", 1)]
    assert second.account.failed == 1


def test_a_password_is_shown_to_nobody_who_prints_it():
    assert PASSWORD not in repr(Options(credentials=Credentials(PASSWORD)))


def test_who_has_registered_knows_it_at_once(open_world, enter):
    ann = enter("ann")
    open_world.advance(1)
    assert not ann.account.registered
    done = ann.account.register(PASSWORD)
    open_world.advance(1)
    assert (now(done).id > 0, ann.account.registered) == (True, True)


def test_a_guest_becomes_an_account_and_invites(world, enter):
    world.server.hub.world.terms = replace(world.server.hub.world.terms, registration="invite")
    ann = enter("ann")
    world.advance(1)
    now(ann.ready())
    refused = ann.account.register(PASSWORD, "no such code")
    world.advance(1)
    with pytest.raises(RequestError) as caught:
        now(refused)
    assert caught.value.code == Code.BAD_INVITE
    state = world.server.hub.world
    accounts.make(state, state.nicks["ann"], "", 7)
    changed, code = ann.account.passwd(PASSWORD), ann.account.invite()
    world.advance(1)
    assert now(changed).id
    assert len(now(code)) == 19
    assert not ann.account.registered, "this one was made behind its back"
    ben = make_client(world, "ben", credentials=Credentials(PASSWORD, True, now(code)))
    ben.start()
    world.advance(1)
    assert ben.account.registered


def test_deleting_the_account_ends_every_device_and_the_profile_forgets_it(open_world, tmp_path):
    first = begin(open_world, register=True)
    second = begin(open_world, slot=slot_of(tmp_path))
    refused = second.account.delete("wrong horse")
    open_world.advance(1)
    with pytest.raises(RequestError) as caught:
        now(refused)
    assert caught.value.code == Code.WRONG_PASSWORD
    done = second.account.delete(PASSWORD)
    open_world.advance(1)
    assert now(done) is None
    told = [[n.text for n in one.heard if isinstance(n, Stopped)] for one in (first, second)]
    assert told == [["The account is deleted."], ["Your account is deleted."]]
    second.stop()
    open_world.advance(1)
    assert slot_of(tmp_path).remembered().session.token == ""


def test_of_an_account_that_a_crash_deletes_before_the_answer_the_client_hears_the_end(open_world):
    client = begin(open_world, register=True)
    open_world.server.hub.world.tell_deleted = lambda _: [
        one.transport.abortConnection() for one in open_world.server.swept()
    ]
    done = client.account.delete(PASSWORD)
    open_world.advance(10)
    with pytest.raises((ClientError, RequestError)):
        now(done)
    assert open_world.server.hub.world.nicks["ann"].deleted
    assert [n.code for n in client.heard if isinstance(n, Stopped)]


@pytest.mark.parametrize("registration", ["open", "invite", "closed"])
def test_whether_one_might_register_is_asked_without_a_password(world, enter, registration):
    world.server.hub.world.terms = replace(world.server.hub.world.terms, registration=registration)
    ann = enter("ann")
    world.advance(1)
    asked = Deferred.fromCoroutine(ann.account.check_register())
    world.advance(1)
    if registration == "open":
        assert now(asked) is None
    else:
        with pytest.raises(RequestError) as caught:
            now(asked)
        assert (
            caught.value.code == {"invite": Code.BAD_INVITE, "closed": Code.CLOSED_REGISTRATION}[registration]
        )
    assert world.server.hub.world.nicks["ann"].account is None


@pytest.mark.parametrize(
    ("registration", "nick", "code"),
    [
        ("open", "eve", Code.BAD_PASSWORD),
        ("open", "ann", Code.NICK_TAKEN),
        ("invite", "eve", Code.BAD_INVITE),
        ("invite", "ann", Code.BAD_INVITE),
        ("closed", "eve", Code.CLOSED_REGISTRATION),
        ("closed", "ann", Code.CLOSED_REGISTRATION),
    ],
)
def test_a_newcomer_may_ask_that_too(open_world, registration, nick, code):
    ann = begin(open_world, register=True)
    open_world.server.hub.world.terms = replace(open_world.server.hub.world.terms, registration=registration)
    asked = begin(open_world, nick, "", register=True)
    with pytest.raises(ClientError) as caught:
        now(asked.ready())
    assert caught.value.code == code
    assert open_world.server.hub.world.nicks["ann"].account.failed == 0, "nobody has guessed"
    now(ann.ready())


@pytest.mark.parametrize("server", ["chat.example.org", "192.0.2.1:7411"])
def test_no_password_goes_out_in_plain_text(server):
    options = Options(server=parse_address(server), credentials=Credentials(PASSWORD), profile=None)
    with pytest.raises(ClientError) as caught:
        open_client(None, options)
    assert caught.value.code == Code.SECURE_REQUIRED
    assert f"tls://{server.removesuffix(':7411')}" in caught.value.text


@pytest.mark.parametrize(
    "server", ["tls://chat.example.org", "unix:/run/s", "localhost", "127.0.0.1", "[::1]"]
)
def test_where_a_password_may_go(server):
    assert Options(server=parse_address(server)).secret

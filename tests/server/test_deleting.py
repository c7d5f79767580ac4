"""People delete their own accounts: with the password again, everywhere at once, and for good."""

import json
from functools import partial

import pytest

from chatd.chat import accounts
from chatd.chat.changes.rows import DISABLED, OPERATOR
from chatd.control.past import Past
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason, Code
from chatd.wire.stored import text_of
from tests.client.net.test_tls import issue
from tests.control.conftest import Kept
from tests.helpers import TALKERS, come_in, guests, restart, sends
from tests.server.test_certificates import account
from tests.server.test_certificates import make as make_tls
from tests.server.test_logins import (
    PASSWORD,
    Vouches,
    add_checker,
    done,
    limit,
    log_in,
    make,
    refusal,
    register,
    world_of,
)

KINDS = sorted(TALKERS)


@pytest.fixture
def playground():
    return make()


def delete(playground, talker, password=PASSWORD, *, erase=False, wait=1.0):
    """Ask for it; return the code of the refusal, or None."""
    talker.say(m.DeleteAccount(id=9, password=password, erase=erase))
    playground.advance(wait)
    errors = [error.code for error in talker.of(m.Error) if error.id == 9]
    assert len(errors) + done(talker).count(9) == 1
    return errors[0] if errors else None


def texts_of(playground, room):
    events = playground.store.events[world_of(playground).rooms[room].log.id]
    found = [json.loads(bytes(text_of(frame))) for _, frame in sorted(events.items())]
    return [event["text"] for event in found if event["kind"] == "message"]


@pytest.mark.parametrize("erase", [False, True])
@pytest.mark.parametrize("speaks", KINDS)
def test_an_account_is_deleted_with_its_sessions_and_maybe_what_it_said(playground, erase, speaks):
    ben = come_in(playground, "ben", m.Join(id=1, room="#a"))
    phone, laptop = register(playground, speaks=speaks), log_in(playground, speaks=speaks)
    phone.say(m.Join(id=1, room="#a"), *sends("#a", "mine"), m.Join(id=2, room="#own"))
    playground.advance(1)
    tokens = [one.of(m.Welcome)[0].token for one in (phone, laptop)]
    assert delete(playground, laptop, erase=erase, wait=3) is None
    (bye,) = laptop.of(m.Goodbye)
    assert (bye.reason, laptop.lost is not None) == (CloseReason.GOODBYE, True)
    (bye,) = phone.of(m.Goodbye)
    assert (bye.reason, bye.text) == (CloseReason.ENDED, "The account is deleted.")
    assert [event.kind for event in ben.of(m.Event) if event.by == "ann"].count("leave") == 1
    assert texts_of(playground, "#a") == ([] if erase else ["mine"])
    restart(playground)
    for token in tokens:
        assert refusal(come_in(playground, token=token)).code == Code.UNKNOWN_SESSION
    assert refusal(log_in(playground)).code == Code.WRONG_PASSWORD
    assert refusal(come_in(playground, "ann")).code == Code.NICK_TAKEN
    assert refusal(register(playground)).code == Code.NICK_TAKEN


def test_the_password_is_asked_for_again(playground):
    ann = register(playground)
    assert delete(playground, ann, "wrong horse") == Code.WRONG_PASSWORD
    assert ann.lost is None
    assert log_in(playground).of(m.Welcome)[0].failed == 1
    nothing = log_in(playground)
    assert delete(playground, nothing, "") == Code.WRONG_PASSWORD


def test_wrong_passwords_use_up_the_failed_logins_of_their_address(monkeypatch):
    for place in ("chatd.server.addresses", "chatd.server.budgets"):
        monkeypatch.setattr(f"{place}.is_local", lambda _: False)
    playground = make(secure=True)
    ann = register(playground)
    limit(playground, failed_logins_per_minute=1)
    ann.say(*[m.DeleteAccount(id=number, password="wrong horse") for number in (1, 2)])
    playground.advance(0.5)
    assert [error.code for error in ann.of(m.Error)] == [Code.WRONG_PASSWORD, Code.TOO_FAST]


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("guest", Code.ACCOUNT_NEEDED),
        ("reader", Code.ACCOUNT_NEEDED),
        ("account", None),
        ("owner", None),
        ("operator beside another", None),
        ("operator beside a guest", Code.NOT_ALLOWED),
        ("operator beside one that is disabled", Code.NOT_ALLOWED),
    ],
)
def test_who_may(playground, who, code):
    world = world_of(playground)
    if who == "guest":
        ann = come_in(playground, "ann")
    elif who == "reader":
        with guests(playground, "read-only"):
            ann = come_in(playground, "ann")
    else:
        ann = register(playground)
    if who == "owner":
        ann.say(m.Join(id=1, room="#a"))
    if who.startswith("operator"):
        accounts.set_flag(world, world.nicks["ann"], OPERATOR, on=True)
    other = come_in(playground, "eve") if "guest" in who else register(playground, "eve")
    if who in {"operator beside another", "operator beside one that is disabled"}:
        accounts.set_flag(world, world.nicks["eve"], OPERATOR, on=True)
    if who == "operator beside one that is disabled":
        accounts.set_flag(world, world.nicks["eve"], DISABLED, on=True)
    assert delete(playground, ann) == code
    assert (ann.lost is None) == (code is not None)
    assert other.lost is None


def test_of_two_operators_who_ask_at_once_one_stays(playground):
    both = [register(playground, nick) for nick in ("ann", "eve")]
    for nick in ("ann", "eve"):
        accounts.set_flag(world_of(playground), world_of(playground).nicks[nick], OPERATOR, on=True)
    playground.hashing.held = True
    for one in both:
        one.say(m.DeleteAccount(id=9, password=PASSWORD))
    playground.advance()
    playground.hashing.release()
    playground.advance(1)
    assert [done(one) for one in both] == [[9], []]
    assert [error.code for error in both[1].of(m.Error)] == [Code.NOT_ALLOWED]


def test_a_password_that_is_changed_meanwhile_is_not_the_right_one(playground):
    ann, user = register(playground), world_of(playground).nicks["ann"]
    playground.hashing.held = True
    ann.say(m.DeleteAccount(id=9, password=PASSWORD))
    playground.advance()
    accounts.set_password(world_of(playground), user, "another hash")
    playground.hashing.release()
    playground.advance(1)
    assert [error.code for error in ann.of(m.Error)] == [Code.WRONG_PASSWORD]
    assert not user.deleted


def test_an_account_without_a_password_needs_one_first(playground):
    ann = come_in(playground, "ann")
    accounts.make(world_of(playground), world_of(playground).nicks["ann"], "", 7)
    assert delete(playground, ann, "") == Code.NOT_ALLOWED
    ann.say(m.Passwd(id=1, password=PASSWORD))
    playground.advance()
    ann.say(m.DeleteAccount(id=10, password=PASSWORD))
    playground.advance(1)
    assert 10 in done(ann)


def test_whom_a_checker_knows_shows_the_password_that_it_knows(playground):
    checker = add_checker(playground, Vouches("ben"))
    ben = log_in(playground, "ben", "of the directory")
    checker.known = ()
    assert delete(playground, ben, "wrong horse") == Code.WRONG_PASSWORD
    checker.known = ("ben",)
    ben.say(m.DeleteAccount(id=10, password="of the directory"))
    playground.advance(1)
    assert 10 in done(ben)
    assert refusal(log_in(playground, "ben", "of the directory")).code == Code.WRONG_PASSWORD


@pytest.mark.parametrize(
    ("shown", "code"), [("ann", None), ("eve", Code.NOT_ALLOWED), (None, Code.NOT_ALLOWED)]
)
def test_a_certificate_confirms_it_in_place_of_a_password(shown, code):
    people = {nick: issue(nick, called=nick) for nick in ("ann", "eve")}
    tls = make_tls(people)
    account(tls, "ann", people["ann"])
    token = tls.come_in("ann", shows=people["ann"], certificate=True).of(m.Welcome)[0].token
    again = tls.come_in("", shows=people.get(shown), token=token)
    assert delete(tls.playground, again, "") == code


def test_one_that_cannot_be_stored_did_not_happen(playground):
    ann = register(playground)
    ann.say(m.Join(id=1, room="#a"))
    playground.advance()
    playground.store.failing = OSError("disk full")
    assert delete(playground, ann, erase=True) == Code.STORAGE_UNAVAILABLE
    playground.store.failing = None
    back = come_in(playground, token=ann.of(m.Welcome)[0].token)
    assert [room.room for room in back.of(m.Welcome)[0].rooms] == ["#a"]
    assert not world_of(playground).erasures


@pytest.mark.parametrize("cut", [False, True])
def test_the_log_tells_it_and_nothing_is_kept_of_its_connections(playground, said, cut):
    kept = Kept()
    playground.server.keeper = Past(kept, playground.wall, partial(accounts.is_gone, world_of(playground)))
    register(playground).transport.abortConnection()
    ann = log_in(playground)
    ann.say(m.Nick(id=1, nick="anna"))
    playground.advance(1)
    assert len(kept.entries) == 1
    playground.store.held = True
    ann.say(m.DeleteAccount(id=9, password=PASSWORD))
    playground.advance(1)
    assert not kept.forgotten, "it is not durable yet"
    if cut:
        ann.transport.abortConnection()
    playground.store.held = False
    playground.store.release()
    playground.advance(1)
    assert sorted(kept.forgotten) == ["ann", "anna"]
    assert len(kept.entries) == 1
    assert [line["nick"] for line in said("account-deleted")] == ["anna"]


def test_what_it_wished_is_forgotten_and_nobody_writes_to_it(playground):
    ann, ben = register(playground), come_in(playground, "ben", *sends("@ann", "psst"))
    ann.say(m.Block(id=1, whom="ben"), m.Allow(id=2, direct="shared"), m.Join(id=3, room="#a"))
    playground.advance()
    user = world_of(playground).nicks["ann"]
    assert (user.blocked, user.allow) == ({world_of(playground).nicks["ben"].id}, "shared")
    assert delete(playground, ann) is None
    assert (user.blocked, user.allow) == (set(), "everybody")
    room = ben.of(m.Ok)[0].room
    assert room.startswith("@")
    ben.say(m.Join(id=4, room="#b"), m.InviteTo(id=5, room="#b", whom="ann"), *sends(room, "there?", n=2))
    playground.advance()
    eve = come_in(playground, "eve", *sends("@ann", "hello"))
    playground.advance()
    assert [error.code for error in (*ben.of(m.Error), *eve.of(m.Error))] == [Code.NO_SUCH_USER] * 3
    assert ben.of(m.Error)[-1].text == "The account ann is deleted; nobody would see that."


def test_what_is_asked_behind_it_has_no_effect(playground):
    ann = register(playground)
    ann.say(m.DeleteAccount(id=9, password=PASSWORD), m.Join(id=2, room="#a"), *sends("#a", "still here?"))
    playground.advance(1)
    assert world_of(playground).nicks["ann"].deleted
    assert not world_of(playground).rooms


def test_it_is_not_taken_in_plain_text_from_elsewhere(playground, monkeypatch):
    ann = register(playground)
    monkeypatch.setattr("chatd.server.addresses.is_local", lambda _: False)
    assert delete(playground, ann) == Code.SECURE_REQUIRED

"""Logging in and registering: over both kinds of connections, refused alike whatever was wrong."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from msgspec import structs
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, succeed

from chatd.chat import accounts, invitations
from chatd.chat.changes.rows import DISABLED, OPERATOR
from chatd.ops.settings import AccountsConfig, Config, LimitsConfig
from chatd.server import addresses
from chatd.server.budgets import Action
from chatd.server.listener_rules import ListenerRules
from chatd.server.passwords import PER_NETWORK
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason, Code, RequestError
from tests.helpers import TALKERS, come_in, hello, restart, sends

PASSWORD = "correct horse"
KINDS = sorted(TALKERS)


def make(registration="open", **rules):
    playground = Playground(Config(accounts=AccountsConfig(registration=registration)))
    playground.start_server()
    playground.rules = ListenerRules(**rules)
    for factory in playground.network._listeners.values():
        factory.rules = playground.rules
    return playground


@pytest.fixture
def playground():
    return make()


def world_of(playground):
    return playground.server.hub.world


def agree(playground, **terms):
    world = world_of(playground)
    world.terms = replace(world.terms, **terms)


def register(playground, nick="ann", password=PASSWORD, **more):
    talker = come_in(playground, nick, password=password, register=True, **more)
    playground.advance()
    return talker


def log_in(playground, nick="ann", password=PASSWORD, *more, **fields):
    talker = come_in(playground, nick, *more, password=password, **fields)
    playground.advance()
    return talker


def refusal(talker):
    (error,) = talker.of(m.Error)
    assert talker.lost is not None
    return error


def done(talker):
    return [ok.id for ok in talker.of(m.Ok)]


@pytest.mark.parametrize("speaks", KINDS)
def test_who_registers_is_in_and_logs_in_on_another_device(playground, speaks):
    (welcome,) = register(playground, speaks=speaks).of(m.Welcome)
    assert (welcome.nick, welcome.account, welcome.operator, bool(welcome.token)) == (
        "ann",
        True,
        False,
        True,
    )
    other = log_in(playground, "ANN", speaks=speaks).of(m.Welcome)[0]
    assert (other.nick, other.account, other.failed) == ("ann", True, 0)
    assert other.session != welcome.session
    restart(playground)
    assert come_in(playground, token=other.token).of(m.Welcome)[0].account
    assert world_of(playground).nicks["ann"].account.password.startswith("$argon2id$")


def test_a_guest_is_one_and_needs_no_account_on_loopback(playground):
    (welcome,) = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "hi")).of(m.Welcome)
    assert not welcome.account


def test_a_resume_hashes_nothing(playground):
    token = register(playground).of(m.Welcome)[0].token
    playground.hashing.held = True
    assert come_in(playground, token=token).of(m.Welcome)[0].resumed


@pytest.mark.parametrize("what", ["unknown", "wrong", "disabled", "none set", "guest", "impossible"])
def test_every_refusal_is_the_same_with_the_same_work(playground, what):
    register(playground)
    come_in(playground, "guest")
    world = world_of(playground)
    user = world.nicks["ann"]
    nick, password = "ann", PASSWORD
    if what == "unknown":
        nick = "nobody"
    elif what == "guest":
        nick = "guest"
    elif what == "impossible":
        nick = "no nick"
    elif what == "wrong":
        password = "wrong horse"
    elif what == "disabled":
        accounts.set_flag(world, user, DISABLED, on=True)
    else:
        accounts.set_password(world, user, "")
    jobs = []
    submit = playground.hashing.submit
    playground.hashing.submit = lambda *job: (jobs.append(job), submit(*job))
    error = refusal(log_in(playground, nick, password))
    assert (error.code, error.text, error.suggest) == (
        Code.WRONG_PASSWORD,
        "The nick or the password is wrong, or this account may not be used now.",
        "",
    )
    assert len(jobs) == 1


def test_the_owner_is_told_of_failed_attempts_at_the_next_login(playground):
    register(playground)
    for _ in range(2):
        log_in(playground, password="wrong horse")
    restart(playground)
    assert [log_in(playground).of(m.Welcome)[0].failed for _ in range(2)] == [2, 0]


def test_the_owner_is_told_although_the_first_welcome_is_lost(playground):
    """What a client has not heard was not told."""
    register(playground)
    log_in(playground, password="wrong horse")
    lost = log_in(playground, answer_pings=False)
    assert lost.of(m.Welcome)[0].failed == 1
    lost.transport.abortConnection()
    playground.advance()
    assert log_in(playground).of(m.Welcome)[0].failed == 1
    assert log_in(playground).of(m.Welcome)[0].failed == 0


def test_each_device_that_comes_back_is_told_once_and_only_a_login_begins_to_count_anew(playground):
    """So nobody else's device, nor one whose client shows nothing, keeps it from the owner."""
    tokens = [register(playground).of(m.Welcome)[0].token, log_in(playground).of(m.Welcome)[0].token]

    def told(token):
        found = come_in(playground, token=token).of(m.Welcome)[0].failed
        playground.advance()
        return found

    log_in(playground, password="wrong horse")
    assert [told(token) for token in (*tokens, *tokens)] == [1, 1, 0, 0]
    log_in(playground, password="wrong horse")
    assert told(tokens[0]) == 2
    assert log_in(playground).of(m.Welcome)[0].failed == 2
    assert [told(token) for token in tokens] == [0, 0]
    log_in(playground, password="wrong horse")
    assert [told(token) for token in tokens] == [1, 1]
    device = come_in(playground, token=tokens[0], device=True)
    playground.advance()
    assert device.of(m.Welcome)[0].failed == 1
    assert world_of(playground).nicks["ann"].account.failed == 1


def test_what_was_not_heard_is_told_again(playground):
    token = register(playground).of(m.Welcome)[0].token
    log_in(playground, password="wrong horse")
    come_in(playground, token=token, answer_pings=False)
    assert come_in(playground, token=token).of(m.Welcome)[0].failed == 1
    playground.advance()
    assert come_in(playground, token=token).of(m.Welcome)[0].failed == 0


def test_guessing_becomes_slow_for_an_account_whoever_guesses(playground):
    register(playground)
    codes = [refusal(log_in(playground, password=f"guess {n} more")).code for n in range(5)]
    assert codes == [Code.WRONG_PASSWORD] * 3 + [Code.TOO_FAST] * 2
    error = refusal(log_in(playground))
    assert error.code == Code.TOO_FAST
    assert 1 <= error.retry_after < 2
    playground.advance(1.1)
    assert log_in(playground).of(m.Welcome)


def test_each_who_has_to_wait_for_a_guess_is_named_a_moment_of_its_own(playground):
    register(playground)
    for n in range(3):
        log_in(playground, password=f"guess {n} more")
    playground.advance(0.9996)  # all but nothing is left of the delay
    errors = [refusal(log_in(playground)) for _ in range(20)]
    waits = [error.retry_after for error in errors if error.code == Code.TOO_FAST]
    assert waits and min(waits) >= 1, "nobody is told to come back at once"
    assert all(later - earlier >= 0.099 for earlier, later in pairwise(waits))


def test_nicks_that_nobody_has_are_delayed_alike(playground):
    codes = [refusal(log_in(playground, "nobody", f"guess {n} more")).code for n in range(4)]
    assert codes == [Code.WRONG_PASSWORD] * 3 + [Code.TOO_FAST]


def test_guessing_becomes_slow_for_an_address_whomever_it_guesses(playground, monkeypatch):
    monkeypatch.setattr(addresses, "is_local", lambda _: False)
    for factory in playground.network._listeners.values():
        factory.rules = ListenerRules(secure=True)
    codes = [refusal(log_in(playground, f"nick{n}", "some guess")).code for n in range(5)]
    assert codes == [Code.WRONG_PASSWORD] * 3 + [Code.TOO_FAST] * 2


def test_many_guesses_at_the_same_moment_gain_nothing(playground):
    register(playground)
    talkers = [come_in(playground, "ann", password=f"guess {n} more") for n in range(20)]
    playground.advance()
    codes = [refusal(talker).code for talker in talkers]
    assert codes.count(Code.WRONG_PASSWORD) <= 3
    assert set(codes) == {Code.WRONG_PASSWORD, Code.TOO_FAST}


def test_a_flood_of_logins_is_refused_early(playground):
    playground.hashing.held = True
    talkers = [come_in(playground, f"nick{n}", password=PASSWORD) for n in range(20)]
    refused = [talker for talker in talkers if talker.of(m.Error)]
    assert len(refused) == 20 - PER_NETWORK
    assert all(refusal(talker).retry_after > 0 for talker in refused)
    playground.hashing.release()
    playground.advance()
    assert {refusal(talker).code for talker in talkers} == {Code.TOO_FAST, Code.WRONG_PASSWORD}


def test_whoever_has_gone_while_the_password_was_checked_leaves_nothing(playground):
    register(playground)
    playground.hashing.held = True
    gone = [come_in(playground, "ann", password=PASSWORD), register(playground, "ben")]
    for talker in gone:
        talker.transport.abortConnection()
    playground.hashing.release()
    playground.advance()
    world = world_of(playground)
    assert "ben" not in world.nicks
    assert len(world.nicks["ann"].sessions) == 1


def test_an_account_that_is_disabled_while_its_password_is_checked_is_refused(playground):
    register(playground)
    playground.hashing.held = True
    talker = come_in(playground, "ann", password=PASSWORD)
    accounts.set_flag(world_of(playground), world_of(playground).nicks["ann"], DISABLED, on=True)
    playground.hashing.release()
    playground.advance()
    assert refusal(talker).code == Code.WRONG_PASSWORD


def test_the_token_of_a_disabled_account_is_not_known(playground):
    token = register(playground).of(m.Welcome)[0].token
    accounts.set_flag(world_of(playground), world_of(playground).nicks["ann"], DISABLED, on=True)
    assert refusal(come_in(playground, token=token)).code == Code.UNKNOWN_SESSION


def test_a_registration_whose_welcome_was_lost_is_a_login(playground):
    playground.network.cut("down")
    lost = register(playground)
    lost.transport.abortConnection()
    playground.advance(40)
    playground.network.heal()
    playground.advance(40)
    again = register(playground)
    assert again.of(m.Welcome)[0].account
    assert refusal(register(playground, password="another one")).code == Code.NICK_TAKEN


@pytest.mark.parametrize("registration", ["open", "invite"])
def test_of_two_who_register_the_same_nick_at_once_one_has_it(registration):
    playground = make(registration)
    world = world_of(playground)
    for code in ("one", "two"):
        invitations.invite(world, None, code, 1, 7)
    playground.hashing.held = True
    first = come_in(playground, "ann", password=PASSWORD, register=True, invite="one")
    second = come_in(playground, "ANN", password="battery staple", register=True, invite="two")
    playground.hashing.release()
    playground.advance()
    assert first.of(m.Welcome)[0].account
    error = refusal(second)
    assert (error.code, error.suggest) == (Code.NICK_TAKEN, "ANN2")
    assert "belongs to somebody else" in error.text
    assert not second.of(m.Welcome)
    assert len(world.users) == len(world.sessions) == 1
    assert len(world.invites) == (2 if registration == "open" else 1)
    assert refusal(log_in(playground, password="battery staple")).code == Code.WRONG_PASSWORD
    assert log_in(playground).of(m.Welcome)[0].account


def test_who_registers_twice_at_once_is_in_by_both(playground):
    """As a client does whose first connection is mute: it must not learn that its nick is somebody else's."""
    playground.hashing.held = True
    both = [come_in(playground, "ann", password=PASSWORD, register=True) for _ in range(2)]
    playground.hashing.release()
    playground.advance()
    assert [talker.of(m.Welcome)[0].account for talker in both] == [True, True]
    world = world_of(playground)
    assert (len(world.users), len(world.sessions), world.nicks["ann"].account.failed) == (1, 2, 0)


@pytest.mark.parametrize("invite", ["one", "ONE"])
def test_of_two_who_use_the_same_invitation_at_once_one_is_in(invite):
    playground = make("invite")
    world = world_of(playground)
    invitations.invite(world, None, "one", 1, 7)
    playground.hashing.held = True
    first = come_in(playground, "ann", password=PASSWORD, register=True, invite="one")
    second = come_in(playground, "ben", password=PASSWORD, register=True, invite=invite)
    playground.hashing.release()
    playground.advance()
    assert first.of(m.Welcome)[0].account
    assert refusal(second).code == Code.BAD_INVITE
    assert "ben" not in world.nicks


def test_a_guest_who_takes_the_nick_meanwhile_has_it(playground):
    playground.hashing.held = True
    late = come_in(playground, "ann", password=PASSWORD, register=True)
    guest = come_in(playground, "ann")
    playground.hashing.release()
    playground.advance()
    assert not guest.of(m.Welcome)[0].account
    assert refusal(late).code == Code.NICK_TAKEN


def test_of_two_devices_of_a_guest_who_register_at_once_one_does(playground):
    token = come_in(playground, "ann").of(m.Welcome)[0].token
    devices = [come_in(playground, token=token), come_in(playground, token=token, device=True)]
    playground.hashing.held = True
    for device, password in zip(devices, (PASSWORD, "battery staple"), strict=True):
        device.say(m.Register(id=1, password=password))
    playground.advance()
    playground.hashing.release()
    playground.advance()
    assert (done(devices[0]), [one.code for one in devices[1].of(m.Error)]) == ([1], [Code.NOT_ALLOWED])
    assert log_in(playground).of(m.Welcome)


@pytest.mark.parametrize(
    ("nick", "password", "code"),
    [
        ("ben", PASSWORD, Code.NICK_TAKEN),
        ("no nick", PASSWORD, Code.BAD_NICK),
        ("cem", "short", Code.BAD_PASSWORD),
        ("cem", "", Code.BAD_PASSWORD),
    ],
)
def test_what_cannot_be_registered(playground, nick, password, code):
    come_in(playground, "ben")
    assert refusal(register(playground, nick, password)).code == code
    assert len(world_of(playground).users) == 1


def test_registration_is_closed_unless_it_is_opened():
    playground = Playground()
    playground.start_server()
    assert refusal(register(playground)).code == Code.CLOSED_REGISTRATION
    ann = come_in(playground, "ann", m.Register(id=1, password=PASSWORD))
    playground.advance()
    assert ann.of(m.Error)[0].code == Code.CLOSED_REGISTRATION


def test_where_registration_is_closed_nobody_learns_who_has_an_account(playground):
    register(playground)
    agree(playground, registration="closed")
    playground.hashing.held = True
    for nick in ("ann", "nobody"):
        error = refusal(register(playground, nick, "some guess"))
        assert error.code == Code.CLOSED_REGISTRATION
    assert world_of(playground).nicks["ann"].account.failed == 0


def test_guessing_by_registering_uses_up_the_failed_logins_of_an_address(playground, monkeypatch):
    register(playground)
    monkeypatch.setattr(addresses, "is_local", lambda _: False)
    for factory in playground.network._listeners.values():
        factory.rules = ListenerRules(secure=True)
    spent = spending(playground)
    assert refusal(register(playground, password="some guess")).code == Code.NICK_TAKEN
    assert Action.FAILURE in spent


def spending(playground):
    """Return the list of what is spent from now on."""
    budgets, spent = playground.server.budgets, []
    spend = budgets.spend
    budgets.spend = lambda kind, *rest, **more: (spent.append(kind), spend(kind, *rest, **more))[1]
    return spent


class TestInvitations:
    @pytest.fixture
    def playground(self):
        return make("invite")

    def invite(self, playground, **what):
        world = world_of(playground)
        if "ann" not in world.nicks:
            ann = come_in(playground, "ann")
            accounts.make(world, world.nicks["ann"], "x", 7)
            self.ann = ann
        self.ann.say(m.Invite(id=9, **what))
        playground.advance()
        return self.ann.of(m.Ok)[-1].invite

    def test_it_serves_as_often_as_was_said_and_who_invited_whom_is_kept(self, playground):
        code = self.invite(playground, uses=2)
        restart(playground)
        world = world_of(playground)
        assert register(playground, "ben", invite=code).of(m.Welcome)
        assert register(playground, "cem", invite=code.upper().replace("-", " ")).of(m.Welcome)
        assert refusal(register(playground, "dan", invite=code)).code == Code.BAD_INVITE
        assert {world.nicks[nick].account.invited_by for nick in ("ben", "cem")} == {world.nicks["ann"].id}
        assert not playground.store.invites

    def test_who_names_none_is_told_that_one_is_needed(self, playground):
        self.invite(playground)
        refused = refusal(register(playground, "ben"))
        assert refused.code == Code.BAD_INVITE
        assert refused.text.startswith("An invitation is needed to register; give its code: /register CODE")

    def test_it_serves_until_its_time_is_over(self, playground):
        code = self.invite(playground, days=1)
        world_of(playground).calendar.now += 86_400_000
        assert refusal(register(playground, "ben", invite=code)).code == Code.BAD_INVITE
        list(playground.server.hub.expire(86_400_000, 7, unclaimed=True))
        playground.advance()
        assert not world_of(playground).invites
        assert not playground.store.invites

    def test_what_was_refused_has_not_used_it(self, playground):
        code = self.invite(playground)
        assert refusal(register(playground, "ann", invite=code)).code == Code.NICK_TAKEN
        assert refusal(register(playground, "ben", "short", invite=code)).code == Code.BAD_PASSWORD
        playground.store.failing = OSError("disk full")
        assert refusal(register(playground, "ben", invite=code)).code == Code.STORAGE_UNAVAILABLE
        playground.store.failing = None
        assert register(playground, "ben", invite=code).of(m.Welcome)

    def test_two_at_the_same_moment_use_it_once(self, playground):
        code = self.invite(playground)
        playground.hashing.held = True
        both = [register(playground, nick, invite=code) for nick in ("ben", "cem")]
        playground.hashing.release()
        playground.advance()
        assert sorted(len(talker.of(m.Welcome)) for talker in both) == [0, 1]

    def test_that_of_a_disabled_account_serves_no_more(self, playground):
        code = self.invite(playground)
        accounts.set_flag(world_of(playground), world_of(playground).nicks["ann"], DISABLED, on=True)
        assert refusal(register(playground, "ben", invite=code)).code == Code.BAD_INVITE

    def test_guessing_codes_becomes_slow(self, playground, monkeypatch):
        monkeypatch.setattr(addresses, "is_local", lambda _: False)
        for factory in playground.network._listeners.values():
            factory.rules = ListenerRules(secure=True)
        codes = [refusal(register(playground, f"nick{n}", invite="aaaa")).code for n in range(5)]
        assert codes == [Code.BAD_INVITE] * 3 + [Code.TOO_FAST] * 2

    @pytest.mark.parametrize("local", [True, False])
    def test_without_one_nobody_learns_who_has_an_account(self, monkeypatch, local):
        def try_often(nick):
            playground = make("invite")
            world = world_of(playground)
            accounts.make(world, world.add_user("ann"), "x", 7)
            monkeypatch.setattr(addresses, "is_local", lambda _: local)
            for factory in playground.network._listeners.values():
                factory.rules = ListenerRules(secure=True)
            jobs, spent = [], spending(playground)
            submit = playground.hashing.submit
            playground.hashing.submit = lambda *job: (jobs.append(job), submit(*job))
            codes = [refusal(register(playground, nick, "some guess", invite="aaaa")).code for _ in range(5)]
            return codes, len(jobs), spent

        codes, jobs, spent = try_often("ann")
        assert (codes, jobs) == ([Code.BAD_INVITE] * 3 + [Code.TOO_FAST] * 2, 3)
        assert spent.count(Action.FAILURE) == 3
        assert try_often("nobody") == (codes, jobs, spent)

    def test_who_registers_again_with_a_code_that_was_used_is_let_in(self, playground):
        code = self.invite(playground)
        for _ in range(2):
            assert register(playground, "ben", invite=code).of(m.Welcome)

    def test_who_may_invite(self, playground):
        guest = come_in(playground, "ben", m.Invite(id=1))
        assert guest.of(m.Error)[0].code == Code.ACCOUNT_NEEDED
        self.invite(playground)
        agree(playground, registration="open")
        self.ann.say(m.Invite(id=2))
        playground.advance()
        assert self.ann.of(m.Error)[-1].code == Code.NOT_ALLOWED
        accounts.set_flag(world_of(playground), world_of(playground).nicks["ann"], OPERATOR, on=True)
        assert self.invite(playground)

    def test_one_account_has_so_many_at_most(self, playground):
        codes = {self.invite(playground) for _ in range(20)}
        assert len(codes) == 20
        self.ann.say(m.Invite(id=10))
        playground.advance()
        assert self.ann.of(m.Error)[0].code == Code.TOO_MANY_INVITES


@pytest.mark.parametrize("speaks", KINDS)
def test_a_guest_becomes_an_account_and_keeps_everything(playground, speaks):
    talker = come_in(
        playground,
        "ann",
        m.Join(id=1, room="#a"),
        m.Register(id=2, password=PASSWORD),
        *sends("#a", "still me"),
        speaks=speaks,
    )
    playground.advance()
    assert done(talker) == [1, 2, 1001]
    assert log_in(playground).of(m.Welcome)[0].rooms[0].room == "#a"
    talker.say(m.Register(id=3, password=PASSWORD))
    playground.advance()
    assert talker.of(m.Error)[0].code == Code.NOT_ALLOWED


def test_a_password_is_changed_with_the_old_one(playground):
    ann = register(playground)
    ann.say(m.Passwd(id=1, password="battery staple", old="wrong horse"))
    ann.say(m.Passwd(id=2, password="short", old=PASSWORD))
    ann.say(m.Passwd(id=3, password="battery staple", old=PASSWORD))
    playground.advance(1)
    assert {error.id: error.code for error in ann.of(m.Error)} == {
        1: Code.WRONG_PASSWORD,
        2: Code.BAD_PASSWORD,
    }
    assert done(ann) == [3]
    assert refusal(log_in(playground)).code == Code.WRONG_PASSWORD
    assert log_in(playground, password="battery staple").of(m.Welcome)


def test_an_account_without_a_password_sets_one(playground):
    """As those of an older folder have to."""
    ann = come_in(playground, "ann")
    accounts.make(world_of(playground), world_of(playground).nicks["ann"], "", 7)
    ann.say(m.Passwd(id=1, password=PASSWORD))
    playground.advance()
    assert done(ann) == [1]
    assert log_in(playground).of(m.Welcome)


@pytest.fixture
def strangers(playground, monkeypatch):
    """Let whoever comes be of an address that counts, over TLS."""
    monkeypatch.setattr(addresses, "is_local", lambda _: False)
    monkeypatch.setattr("chatd.server.budgets.is_local", lambda _: False)
    for factory in playground.network._listeners.values():
        factory.rules = ListenerRules(secure=True)
    return playground


def limit(playground, **limits):
    current = playground.server.current
    current.config = structs.replace(current.config, limits=LimitsConfig(**limits))


def test_guests_who_register_use_up_the_registrations_of_their_address(strangers):
    limit(strangers, registrations_per_hour=2)
    guests = [come_in(strangers, nick, m.Register(id=1, password=PASSWORD)) for nick in ("ann", "ben", "cem")]
    strangers.advance()
    assert [done(guest) for guest in guests] == [[1], [1], []]
    (error,) = guests[2].of(m.Error)
    assert (error.id, error.code) == (1, Code.TOO_FAST)
    assert "(registrations_per_hour)" in error.text
    assert guests[2].lost is None


def test_what_hashes_a_password_uses_up_the_logins_of_its_address(strangers):
    ann = register(strangers)
    limit(strangers, logins_per_minute=2)
    for number in range(1, 4):
        ann.say(m.Passwd(id=number, password="short", old=PASSWORD))
    strangers.advance(0.5)
    assert [error.code for error in ann.of(m.Error)] == [Code.BAD_PASSWORD, Code.TOO_FAST, Code.TOO_FAST]
    assert "(logins_per_minute)" in ann.of(m.Error)[-1].text


def test_wrong_old_passwords_use_up_the_failed_logins_of_their_address(strangers):
    ann = register(strangers)
    limit(strangers, failed_logins_per_minute=1)
    for number in range(1, 3):
        ann.say(m.Passwd(id=number, password="battery staple", old="wrong horse"))
    strangers.advance(0.5)
    assert [error.code for error in ann.of(m.Error)] == [Code.WRONG_PASSWORD, Code.TOO_FAST]
    assert "(failed_logins_per_minute)" in ann.of(m.Error)[-1].text


def test_a_guest_has_no_password(playground):
    ann = come_in(playground, "ann", m.Passwd(id=1, password=PASSWORD))
    playground.advance()
    assert ann.of(m.Error)[0].code == Code.ACCOUNT_NEEDED


def test_nothing_else_is_taken_while_a_password_is_hashed_and_everything_after(playground):
    ann = register(playground)
    playground.hashing.held = True
    ann.say(m.Passwd(id=1, password="battery staple", old=PASSWORD), m.Join(id=2, room="#a"))
    playground.advance()
    assert done(ann) == []
    playground.hashing.release()
    playground.advance(0.2)
    assert done(ann) == [1, 2]


@pytest.mark.parametrize("old", [PASSWORD, ""])
def test_of_two_changes_of_a_password_at_once_the_later_one_is_refused(playground, old):
    devices = [register(playground), log_in(playground)]
    if not old:
        accounts.set_password(world_of(playground), world_of(playground).nicks["ann"], "")
    playground.hashing.held = True
    for device, password in zip(devices, ("battery staple", "staple battery"), strict=True):
        device.say(m.Passwd(id=1, password=password, old=old))
    playground.advance()
    playground.hashing.release()
    playground.advance()
    assert sorted(len(done(device)) for device in devices) == [0, 1]
    assert [e.code for device in devices for e in device.of(m.Error)] == [Code.WRONG_PASSWORD]


def test_who_goes_while_a_password_is_hashed(playground):
    ann = register(playground)
    before = world_of(playground).nicks["ann"].account
    playground.hashing.held = True
    ann.say(m.Passwd(id=1, password="battery staple", old=PASSWORD))
    playground.advance()
    ann.transport.abortConnection()
    playground.hashing.release()
    playground.advance()
    assert world_of(playground).nicks["ann"].account == before


# ---- sessions -------------------------------------------------------------------------------------------


def test_sessions_are_listed_and_one_is_ended(playground):
    first = register(playground, software="phone/1")
    token = first.of(m.Welcome)[0].token
    second = log_in(playground, software="laptop/2")
    second.say(m.Sessions(id=1))
    playground.advance(3)
    rows = second.of(m.Ok)[0].sessions
    assert [(row.software, row.address, row.online, row.here) for row in rows] == [
        ("laptop/2", "127.0.0.1", True, True),
        ("phone/1", "127.0.0.1", True, False),
    ]
    second.say(m.End(id=2, session=rows[1].session))
    playground.advance()
    assert done(second) == [1, 2]
    assert first.of(m.Goodbye)[0].reason == CloseReason.ENDED
    assert refusal(come_in(playground, token=token)).code == Code.UNKNOWN_SESSION
    second.say(m.Sessions(id=3), m.End(id=4, session=rows[1].session), m.End(id=5, session=rows[0].session))
    playground.advance()
    assert len(second.of(m.Ok)[2].sessions) == 1
    assert [error.code for error in second.of(m.Error)] == [Code.NO_SUCH_SESSION, Code.NOT_ALLOWED]


def labels_of(playground, session):
    session.say(m.Sessions(id=9))
    playground.advance(3)
    return [row.label for row in session.of(m.Ok)[-1].sessions]


def test_a_session_keeps_what_its_user_calls_the_device_over_a_crash(playground):
    token = register(playground, label="die Küche").of(m.Welcome)[0].token
    log_in(playground)
    restart(playground)
    again = come_in(playground, token=token)
    assert labels_of(playground, again) == ["die Küche", ""]


def test_who_comes_back_may_call_the_device_something_else_or_nothing(playground):
    token = register(playground, label="old").of(m.Welcome)[0].token
    for told, kept in (("new", "new"), (None, "new"), ("new", "new"), ("", "")):
        come_in(playground, token=token, label=told)
        playground.advance()
        restart(playground)
        assert labels_of(playground, come_in(playground, token=token)) == [kept]


@pytest.mark.parametrize("speaks", KINDS)
@pytest.mark.parametrize(
    ("label", "code"),
    [("k" * 65, Code.TEXT_TOO_LONG), ("ü" * 33, Code.TEXT_TOO_LONG), ("k\x1b[2J", Code.CONTROL_CHARACTER)],
)
def test_what_no_device_can_be_called_is_refused(playground, label, code, speaks):
    token = register(playground, label="good").of(m.Welcome)[0].token
    for fields in ({"token": token}, {"nick": "ann", "password": PASSWORD}, {"nick": "ben"}):
        error = refusal(come_in(playground, label=label, speaks=speaks, **fields))
        assert error.code == code
        assert error.text.startswith("The name of your device is refused. ")
    assert "ben" not in world_of(playground).nicks
    assert labels_of(playground, come_in(playground, token=token)) == ["good"]


def test_who_comes_back_under_another_name_is_let_in_though_nothing_can_be_written(playground):
    token = register(playground, label="old").of(m.Welcome)[0].token
    playground.store.failing = OSError("disk full")
    again = come_in(playground, token=token, label="new")
    playground.advance()
    assert again.of(m.Welcome)[0].resumed
    assert again.lost is None
    playground.store.failing = None
    assert labels_of(playground, come_in(playground, token=token, label="new")) == ["new"]


def test_nobody_ends_or_sees_the_sessions_of_others(playground):
    register(playground)
    ben = register(playground, "ben")
    session = next(iter(world_of(playground).nicks["ann"].sessions)).id
    ben.say(m.End(id=1, session=session), m.Sessions(id=2))
    playground.advance()
    assert ben.of(m.Error)[0].code == Code.NO_SUCH_SESSION
    assert [row.here for row in ben.of(m.Ok)[0].sessions] == [True]


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("speaks", KINDS)
def test_logging_out(playground, everywhere, speaks):
    register(playground)
    ann = log_in(playground, speaks=speaks)
    user = world_of(playground).nicks["ann"]
    ann.say(m.Join(id=1, room="#a"), m.Logout(id=2, everywhere=everywhere))
    playground.advance()
    assert done(ann) == [1, 2]
    assert ann.heard[-1] == m.Goodbye(reason="goodbye")
    assert ann.lost is not None
    assert len(user.sessions) == (0 if everywhere else 1)
    restart(playground)
    assert [room.name for room in world_of(playground).nicks["ann"].rooms] == ["#a"]


def test_a_guest_who_logs_out_is_forgotten(playground):
    ben = come_in(playground, "ben", m.Join(id=1, room="#a"), m.Logout(id=2))
    playground.advance()
    assert done(ben) == [1, 2]
    assert "ben" not in world_of(playground).nicks


def test_what_is_asked_behind_a_logout_has_no_effect(playground):
    ben = come_in(playground, "ben", m.Logout(id=1), m.Join(id=2, room="#a"), *sends("#a", "still here?"))
    playground.advance()
    assert not world_of(playground).rooms
    assert ben.lost is not None


def test_a_logout_that_cannot_be_stored_did_not_happen(playground):
    ann = register(playground)
    playground.store.failing = OSError("disk full")
    ann.say(m.Logout(id=1, everywhere=True))
    playground.advance()
    assert ann.of(m.Error)[0].code == Code.STORAGE_UNAVAILABLE
    playground.store.failing = None
    assert come_in(playground, token=ann.of(m.Welcome)[0].token).of(m.Welcome)[0].resumed


def test_others_learn_that_somebody_has_logged_out(playground):
    ben = come_in(playground, "ben", m.Join(id=1, room="#a"))
    ann = register(playground)
    ann.say(m.Join(id=1, room="#a"))
    playground.advance(2)
    ann.say(m.Logout(id=2))
    playground.advance(40)
    assert ben.of(m.Presence)[-1].offline == ["ann"]


# ---- listeners ------------------------------------------------------------------------------------------


def test_where_guests_are_refused_an_account_is_needed():
    playground = make(guests="refused")
    assert refusal(come_in(playground, "ben")).code == Code.GUESTS_REFUSED
    assert not world_of(playground).users
    ann = register(playground)
    assert come_in(playground, token=ann.of(m.Welcome)[0].token).of(m.Welcome)


@pytest.mark.parametrize("device", [False, True])
def test_a_guest_of_another_listener_is_refused_too(device):
    playground = make()
    token = come_in(playground, "ben").of(m.Welcome)[0].token
    for factory in playground.network._listeners.values():
        factory.rules = ListenerRules(guests="refused")
    assert refusal(come_in(playground, token=token, device=device)).code == Code.GUESTS_REFUSED
    assert len(world_of(playground).nicks["ben"].sessions) == 1


def test_where_guests_only_read_they_change_nothing():
    playground = make(guests="read-only")
    ann = register(playground)
    ann.say(m.Join(id=1, room="#a"), *sends("#a", "hello", "there"))
    ben = come_in(playground, "ben")
    ben.say(
        m.History(id=1, room="#a"),
        m.ListRooms(id=2),
        m.Members(id=3, room="#a"),
        m.Join(id=4, room="#b"),
        m.Send(id=5, n=1, room="#a", text="hi"),
        m.Send(id=6, n=1, room="@ann", text="hi"),
        m.Nick(id=7, nick="cem"),
        m.Join(id=8, room="#a"),
        m.Topic(id=9, room="#a", text="tea"),
    )
    playground.advance()
    assert done(ben) == [1, 2, 3, 8]
    assert {error.code for error in ben.of(m.Error)} == {Code.ACCOUNT_NEEDED}
    assert [error.id for error in ben.of(m.Error)] == [4, 5, 6, 7, 9]
    assert not [event for event in ann.of(m.Event) if event.by == "ben"]
    ben.say(m.Register(id=10, password=PASSWORD), m.Join(id=11, room="#a"))
    playground.advance()
    assert done(ben)[-2:] == [10, 11]


def test_passwords_are_not_taken_where_others_may_read_them(monkeypatch):
    playground = make()
    ann = register(playground)
    monkeypatch.setattr(addresses, "is_local", lambda _: False)
    assert refusal(log_in(playground)).code == Code.SECURE_REQUIRED
    assert refusal(register(playground, "ben")).code == Code.SECURE_REQUIRED
    ann.say(m.Passwd(id=1, password="battery staple", old=PASSWORD))
    playground.advance()
    assert ann.of(m.Error)[0].code == Code.SECURE_REQUIRED
    for factory in playground.network._listeners.values():
        factory.rules = ListenerRules(secure=True)
    assert log_in(playground).of(m.Welcome)


# ---- checkers -------------------------------------------------------------------------------------------


class Vouches:
    """A checker that knows some people, as a package might bring one."""

    def __init__(self, *known, answer=None):
        self.known = known
        self.answer = answer
        self.asked = []

    def requestAvatarId(self, credentials):
        self.asked.append((credentials.nick, credentials.password, credentials.host))
        if self.answer is not None:
            return self.answer()
        if credentials.nick in self.known:
            return succeed(credentials.nick)
        return fail(UnauthorizedLogin())


def add_checker(playground, checker):
    agree(playground, vouched=True)
    playground.server.doors.gatekeeper.checkers.append(checker)
    return checker


def test_another_checker_is_asked_behind_the_first_and_makes_accounts(playground):
    register(playground)
    checker = add_checker(playground, Vouches("ben", "ann"))
    assert log_in(playground).of(m.Welcome)
    assert checker.asked == []
    (welcome,) = log_in(playground, "ben", "of the directory").of(m.Welcome)
    assert welcome.account
    assert checker.asked == [("ben", "of the directory", "127.0.0.1")]
    assert world_of(playground).nicks["ben"].account.password == ""
    assert log_in(playground, "ben", "of the directory").of(m.Welcome)
    assert refusal(log_in(playground, "cem", "of the directory")).code == Code.WRONG_PASSWORD


def test_a_checker_opens_no_account_that_has_a_password_here(playground, said):
    register(playground, "ben")
    add_checker(playground, Vouches("ben"))
    assert refusal(log_in(playground, "ben", "of the directory")).code == Code.WRONG_PASSWORD
    assert world_of(playground).nicks["ben"].account.failed == 1
    assert len(said("login-failed")) == 1
    assert log_in(playground, "ben").of(m.Welcome)


def test_a_checker_that_is_asked_first_leaves_such_an_account_to_the_server(playground):
    register(playground, "ben")
    playground.server.doors.gatekeeper.checkers.insert(0, Vouches("ben"))
    assert log_in(playground, "ben").of(m.Welcome)
    assert refusal(log_in(playground, "ben", "of the directory")).code == Code.WRONG_PASSWORD


def test_a_checker_opens_no_account_that_was_called_otherwise(playground):
    world = world_of(playground)
    cem = come_in(playground, "cem")
    accounts.make(world, world.nicks["cem"], "", 7)
    cem.say(m.Nick(id=1, nick="ben"))  # before there was such a checker
    playground.advance()
    assert done(cem) == [1]
    add_checker(playground, Vouches("ben", "cem"))
    for nick in ("ben", "cem"):
        assert refusal(log_in(playground, nick, "of the directory")).code == Code.WRONG_PASSWORD


def test_whom_a_checker_knows_by_a_nick_keeps_it(playground):
    add_checker(playground, Vouches("ben"))
    ben = log_in(playground, "ben", "of the directory", m.Nick(id=1, nick="carl"), m.Nick(id=2, nick="BEN"))
    assert [(e.id, e.code) for e in ben.of(m.Error)] == [(1, Code.NOT_ALLOWED)]
    assert done(ben) == [2]
    assert log_in(playground, "ben", "of the directory").of(m.Welcome)


def test_who_sets_a_first_password_shows_the_one_that_the_checker_knows(playground):
    checker = add_checker(playground, Vouches("ben"))
    ben = log_in(playground, "ben", "of the directory")
    checker.known = ()
    ben.say(m.Passwd(id=1, password=PASSWORD))
    playground.advance()
    assert [(e.id, e.code) for e in ben.of(m.Error)] == [(1, Code.WRONG_PASSWORD)]
    checker.known = ("ben",)
    ben.say(m.Passwd(id=2, password=PASSWORD, old="of the directory"))
    playground.advance()
    assert done(ben) == [2]
    assert log_in(playground, "ben").of(m.Welcome)


def test_where_the_server_keeps_no_passwords_none_is_set(playground):
    checkers = playground.server.doors.gatekeeper.checkers
    checkers.clear()
    add_checker(playground, Vouches("ben"))
    passwd = m.Passwd(id=1, password=PASSWORD, old="of the directory")
    ben = log_in(playground, "ben", "of the directory", passwd)
    assert [(e.id, e.code) for e in ben.of(m.Error)] == [(1, Code.NOT_ALLOWED)]
    assert log_in(playground, "ben", "of the directory").of(m.Welcome)


def test_a_checker_vouches_for_nobody_whose_nick_a_guest_has(playground):
    come_in(playground, "ben")
    add_checker(playground, Vouches("ben"))
    assert refusal(log_in(playground, "ben", "of the directory")).code == Code.NICK_TAKEN


def test_a_checker_that_is_at_fault_costs_nobody_but_those_who_need_it(playground, said):
    register(playground)
    add_checker(playground, Vouches(answer=lambda: 1 / 0))
    assert log_in(playground).of(m.Welcome)
    assert refusal(log_in(playground, "ben")).code == Code.LOGIN_UNAVAILABLE
    assert said("checker-fault") == [{"checker": "Vouches", "error": "ZeroDivisionError"}]


def busy():
    raise RequestError(Code.TOO_FAST, "Too many passwords are being checked now.", retry_after=1.0)


@pytest.mark.parametrize(("answer", "code"), [(lambda: 1 / 0, Code.LOGIN_UNAVAILABLE), (busy, Code.TOO_FAST)])
def test_guesses_count_while_another_checker_cannot_be_asked(playground, said, answer, code):
    register(playground)
    add_checker(playground, Vouches(answer=answer))
    codes = [refusal(log_in(playground, password=f"guess {n} more")).code for n in range(4)]
    assert codes == [code] * 3 + [Code.TOO_FAST]
    assert said("login-failed") == [{"peer": "127.0.0.1", "nick": "ann"}] * 3
    assert "too many failed attempts" in refusal(log_in(playground)).text
    playground.advance(1.1)
    assert log_in(playground).of(m.Welcome)[0].failed == 3


def test_such_guesses_use_up_the_failed_logins_of_their_address(playground, monkeypatch):
    monkeypatch.setattr(addresses, "is_local", lambda _: False)
    for factory in playground.network._listeners.values():
        factory.rules = ListenerRules(secure=True)
    add_checker(playground, Vouches(answer=lambda: 1 / 0))
    spent = spending(playground)
    refusal(log_in(playground, "ben", "some guess"))
    assert Action.FAILURE in spent


def test_who_needs_a_checker_that_cannot_be_asked_is_no_guesser(playground, said):
    playground.server.doors.gatekeeper.checkers.clear()
    add_checker(playground, Vouches(answer=lambda: 1 / 0))
    codes = [refusal(log_in(playground, "ben", "of the directory")).code for _ in range(6)]
    assert codes == [Code.LOGIN_UNAVAILABLE] * 6
    assert said("login-failed") == []


def test_a_checker_may_take_its_time(playground):
    asked = Deferred()
    add_checker(playground, Vouches(answer=lambda: asked))
    ben = log_in(playground, "ben")
    assert not ben.heard
    asked.callback("ben")
    playground.advance()
    assert ben.of(m.Welcome)


def test_no_password_is_logged(playground, logged_events):
    register(playground)
    log_in(playground, password="wrong horse")
    log_in(playground, "cem", "x" * 300)
    come_in(playground, "dan", m.Passwd(id=1, password="battery staple", old="wrong horse"))
    playground.advance()
    everything = json.dumps([str(event) for event in logged_events])
    assert "horse" not in everything
    assert "staple" not in everything
    assert "xxx" not in everything


def test_a_hello_shows_no_more_of_its_password_than_it_must():
    assert hello("ann").password == ""

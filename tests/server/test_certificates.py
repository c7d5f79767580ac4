"""Accounts that certificates open, over real TLS: the table, the hello, and what is asked about them."""

import pytest

from chatd.chat import accounts, certificates
from chatd.chat.changes.rows import DISABLED
from chatd.ops.settings import AccountsConfig, Config
from chatd.server.listener_rules import ListenerRules
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_CERTIFICATES
from tests.client.net.test_tls import issue
from tests.helpers import TALKERS, come_in, hello, restart
from tests.tls import Tls, print_of

KINDS = sorted(TALKERS)


@pytest.fixture(scope="module")
def people():
    """Two certificates of different names: TLS looks for an authority by its name."""
    return {nick: issue(nick, called=nick) for nick in ("ann", "eve")}


def make(people, checkers=("accounts", "certificates"), **rules):
    playground = Playground(Config(accounts=AccountsConfig(checkers=checkers)))
    playground.start_server()
    for factory in playground.network._listeners.values():
        factory.rules = ListenerRules(**rules)
    return Tls(playground, *people.values())


@pytest.fixture
def tls(people):
    return make(people)


def world_of(tls):
    return tls.playground.server.hub.world


def account(tls, nick="ann", *opened_by):
    """Make an account that the certificates ``opened_by`` open."""
    world = world_of(tls)
    user = world.add_user(nick)
    accounts.make(world, user, "", 7)
    for certificate in opened_by:
        certificates.add(world, user, print_of(certificate), "", 7)
    tls.playground.server.hub.change()
    tls.playground.advance()
    return user


def welcome(talker):
    assert not talker.of(m.Error)
    return talker.of(m.Welcome)[0]


def refusal(talker):
    (error,) = talker.of(m.Error)
    assert talker.lost is not None
    return error


@pytest.mark.parametrize("speaks", KINDS)
def test_a_certificate_opens_the_account_that_is_named(tls, people, speaks):
    account(tls, "ann", people["ann"])
    found = welcome(tls.come_in("ANN", shows=people["ann"], certificate=True, speaks=speaks))
    assert (found.nick, found.account, bool(found.token), found.resumed) == ("ann", True, True, False)
    restart(tls.playground)
    tls.begin()
    again = welcome(tls.come_in("ann", shows=people["ann"], certificate=True, speaks=speaks))
    assert again.account
    assert again.session != found.session


@pytest.mark.parametrize("what", ["other certificate", "disabled", "dropped", "deleted", "no such account"])
def test_every_refusal_has_the_same_words(people, what):
    tls = make(people, guests="refused" if what == "no such account" else "allowed")
    user = account(tls, "ann", people["ann"])
    world, nick, shown = world_of(tls), "ann", people["ann"]
    if what == "other certificate":
        shown = people["eve"]
    elif what == "disabled":
        accounts.set_flag(world, user, DISABLED, on=True)
    elif what == "dropped":
        certificates.drop(world, user, print_of(shown))
    elif what == "deleted":
        accounts.delete(world, user, 8)
    else:
        nick = "nobody"
    error = refusal(tls.come_in(nick, shows=shown, certificate=True))
    assert (error.code, error.text) == (
        Code.WRONG_CERTIFICATE,
        "Your certificate opens no account of that nick, or the account may not be used now.",
    )
    assert len(world.sessions) == 0


@pytest.mark.parametrize("nick", ["no nick", "ann"])
def test_where_guests_are_refused_no_nick_makes_a_difference(people, nick):
    tls = make(people, guests="refused")
    account(tls)
    assert refusal(tls.come_in(nick, shows=people["ann"], certificate=True)).text == certificates.WRONG


@pytest.mark.parametrize("nick", ["ann", "nobody"])
def test_who_shows_none_learns_that_none_has_come(people, nick):
    tls = make(people, guests="refused")
    account(tls, "ann", people["ann"])
    error = refusal(tls.come_in(nick, certificate=True))
    assert (error.code, "does not ask for one" in error.text) == (Code.WRONG_CERTIFICATE, True)


def test_a_nick_of_nobody_is_a_guests_as_ever(tls, people):
    assert not welcome(tls.come_in("dan", shows=people["ann"], certificate=True)).account
    assert refusal(tls.come_in("dan", shows=people["eve"], certificate=True)).code == Code.NICK_TAKEN


def test_a_client_that_does_not_ask_for_it_is_a_guest(tls, people):
    account(tls, "ann", people["ann"])
    assert refusal(tls.come_in("ann", shows=people["ann"])).code == Code.NICK_TAKEN


def test_a_password_and_a_token_count_before_the_certificate(tls, people):
    account(tls, "ann", people["ann"])
    token = welcome(tls.come_in("ann", shows=people["ann"], certificate=True)).token
    resumed = welcome(tls.come_in(token=token, shows=people["eve"], certificate=True))
    assert (resumed.resumed, resumed.nick) == (True, "ann")
    wrong = tls.come_in("ann", shows=people["ann"], certificate=True, password="not set at all")
    tls.playground.advance(1)
    assert refusal(wrong).code == Code.WRONG_PASSWORD


def test_failed_passwords_are_told_to_who_comes_by_a_certificate(tls, people):
    account(tls, "ann", people["ann"])
    come_in_plain = tls.come_in("ann", password="wrong horse", shows=people["eve"])
    tls.playground.advance(1)
    assert refusal(come_in_plain).code == Code.WRONG_PASSWORD
    assert welcome(tls.come_in("ann", shows=people["ann"], certificate=True)).failed == 1


def test_where_no_certificate_opens_anything(people):
    tls = make(people, checkers=("accounts",))
    account(tls, "ann", people["ann"])
    error = refusal(tls.come_in("ann", shows=people["ann"], certificate=True))
    assert (error.code, "lets nobody in" in error.text) == (Code.WRONG_CERTIFICATE, True)


def test_refused_certificates_use_up_the_failed_logins_of_their_address(tls, people, monkeypatch):
    account(tls)
    spent = []
    budgets = tls.playground.server.budgets
    spend = budgets.spend
    monkeypatch.setattr(budgets, "spend", lambda action, *more: (spent.append(action), spend(action, *more)))
    refusal(tls.come_in("ann", shows=people["eve"], certificate=True))
    assert [action.name for action in spent] == ["CONNECTION", "SESSION", "FAILURE"]


# ---- requests ---------------------------------------------------------------------------------------


def enter(tls, *more, shows, nick="ann", speaks="native"):
    """Return a talker of an account that its password or whatever has opened, on ``shows``."""
    world = world_of(tls)
    user = world.nicks.get(nick) or account(tls, nick)
    talker = tls.come_in(token=token_of(tls, user), shows=shows, speaks=speaks)
    talker.say(*more)
    tls.playground.advance(0.5)
    return talker


def token_of(tls, user):
    from chatd.chat.hub import digest  # noqa: PLC0415 - here alone

    token = f"a token of {user.nick} {len(user.sessions)}"
    world_of(tls).add_session(user, digest(token))
    tls.playground.server.hub.change()
    tls.playground.advance()
    return token


def answers(talker):
    return {one.id: one for one in talker.of(m.Ok) + talker.of(m.Error)}


@pytest.mark.parametrize("speaks", KINDS)
def test_the_certificate_of_the_connection_is_added_listed_and_dropped(tls, people, speaks):
    mine = print_of(people["ann"])
    talker = enter(
        tls,
        m.AddCertificate(id=1, name="laptop"),
        m.AddCertificate(id=2, fingerprint="f" * 64),
        m.Certificates(id=3),
        shows=people["ann"],
        speaks=speaks,
    )
    rows = answers(talker)[3].certificates
    assert {(row.fingerprint, row.name, row.here) for row in rows} == {
        (mine, "laptop", True),
        ("f" * 64, "", False),
    }
    assert rows[0].added == tls.playground.store.certificates[1, mine].added > 0
    restart(tls.playground)
    tls.begin()
    assert welcome(tls.come_in("ann", shows=people["ann"], certificate=True)).account
    talker = enter(tls, m.DropCertificate(id=1, fingerprint=mine), m.Certificates(id=2), shows=people["ann"])
    assert [row.fingerprint for row in answers(talker)[2].certificates] == ["f" * 64]
    assert refusal(tls.come_in("ann", shows=people["ann"], certificate=True)).code == Code.WRONG_CERTIFICATE
    assert talker.lost is None


def test_adding_twice_changes_the_name_alone(tls, people):
    talker = enter(tls, m.AddCertificate(id=1, name="old"), shows=people["ann"])
    tls.playground.advance(60)
    talker.say(m.AddCertificate(id=2, name="new"), m.AddCertificate(id=3), m.Certificates(id=4))
    tls.playground.advance(0.5)
    (row,) = answers(talker)[4].certificates
    assert (row.name, row.added) == ("new", tls.playground.store.certificates[1, row.fingerprint].added)
    assert row.added < tls.playground.wall() - 59_000


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (m.AddCertificate(id=1), Code.NO_CERTIFICATE),
        (m.AddCertificate(id=1, fingerprint="f" * 63), Code.BAD_VALUE),
        (m.AddCertificate(id=1, fingerprint="F" * 64), Code.BAD_VALUE),
        (m.AddCertificate(id=1, fingerprint="f" * 64, name="a\x1bb"), Code.CONTROL_CHARACTER),
        (m.AddCertificate(id=1, fingerprint="f" * 64, name="n" * 65), Code.TEXT_TOO_LONG),
        (m.DropCertificate(id=1, fingerprint="f" * 64), Code.NO_SUCH_CERTIFICATE),
    ],
)
def test_what_cannot_be_added_or_dropped(tls, request_, code):
    assert answers(enter(tls, request_, shows=None))[1].code == code


def test_guests_have_no_certificates(tls, people):
    talker = tls.come_in("dan", m.AddCertificate(id=1), m.Certificates(id=2), shows=people["ann"])
    assert {answers(talker)[n].code for n in (1, 2)} == {Code.ACCOUNT_NEEDED}


def test_so_many_certificates_open_an_account_and_no_more(tls):
    user = account(tls)
    for number in range(MAX_CERTIFICATES):
        certificates.add(world_of(tls), user, f"{number:064x}", "", 7)
    with pytest.raises(RequestError) as caught:
        certificates.add(world_of(tls), user, "f" * 64, "", 7)
    assert caught.value.code == Code.TOO_MANY_CERTIFICATES
    certificates.add(world_of(tls), user, f"{0:064x}", "renamed", 7)


def test_nobody_is_kept_from_a_certificate_by_others_who_name_it(tls, people):
    """A fingerprint is no secret: whoever names that of somebody else gains nothing, and takes nothing."""
    account(tls, "eve")
    enter(tls, m.AddCertificate(id=1, fingerprint=print_of(people["ann"])), shows=people["eve"], nick="eve")
    account(tls, "ann", people["ann"])
    assert welcome(tls.come_in("ann", shows=people["ann"], certificate=True)).nick == "ann"
    assert refusal(tls.come_in("eve", shows=people["eve"], certificate=True)).code == Code.WRONG_CERTIFICATE


def test_a_certificate_that_could_not_be_stored_opens_nothing(tls, people):
    talker = enter(tls, shows=people["ann"])
    tls.playground.store.failing = OSError("full")
    talker.say(m.AddCertificate(id=1))
    tls.playground.advance(0.5)
    assert answers(talker)[1].code == Code.STORAGE_UNAVAILABLE
    tls.playground.store.failing = None
    assert refusal(tls.come_in("ann", shows=people["ann"], certificate=True)).code == Code.WRONG_CERTIFICATE


def test_no_kind_of_connection_without_tls_has_a_certificate():
    playground = Playground()
    playground.start_server()
    talker = come_in(playground, "ann", certificate=True)
    assert talker.of(m.Welcome)
    assert not [one for one in playground.server.swept() if one.certificate]
    assert hello("ann") == m.Hello(nick="ann", certificate=False)

"""Addresses that are banned from the server: refused at the door, sent away, listed, lifted, kept."""

from types import SimpleNamespace

import pytest

from chatd.control import messages as c
from chatd.control.messages import Done, Refused
from chatd.control.rows import BanRow
from chatd.ops.relays import Trusted
from chatd.server.factory import ChatFactory
from chatd.server.relay import RelayFactory
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason
from chatd.wire.limits import BANNED_AGAIN
from tests.helpers import Talker, ask, come_in, hello

PORT = 7500


class Relayed(Talker):
    """A talker from somewhere."""

    def __init__(self, host, *first):
        super().__init__(*first)
        self.host = host

    def connectionMade(self):
        family = "TCP6" if ":" in self.host else "TCP4"
        self.transport.write(f"PROXY {family} {self.host} {self.host} 1 2\r\n".encode())
        super().connectionMade()


def come_from(site, host, nick="", **fields):
    chat = ChatFactory("native", site.playground.server)
    site.playground.network.listen(RelayFactory(chat, chat, Trusted(("127.0.0.1",))), PORT)
    talker = Relayed(host, hello(nick, **fields))
    site.playground.network.connect(talker, PORT)
    site.playground.advance(0.1)
    return talker


def do(site, asked, end=Done):
    asker = site.connect()
    asker.ask(asked)
    site.playground.advance(0.5)
    (ended,) = asker.ended
    assert isinstance(ended, end), ended
    asker.transport.loseConnection()
    site.playground.advance()
    return ended.text if end is Done else ended.code


def refusal(talker):
    (error,) = talker.of(m.Error)
    assert talker.lost
    return error.code, error.retry_after


def test_who_is_there_is_sent_away_and_whoever_comes_is_refused(site):
    bad, good = come_from(site, "192.0.2.7", "bad"), come_from(site, "198.51.100.7", "good")
    local = come_in(site.playground, "local", wait=0.1)
    text = do(site, c.AskBan(whom="192.0.2.9/24", reason="spam", seconds=60))
    assert text == "192.0.2.0/24 is banned from the server; 1 connection from there was ended."
    assert refusal(bad) == ("address-banned", 60.0)
    assert "spam" in bad.of(m.Error)[0].text
    assert not good.lost
    assert not local.lost
    assert refusal(come_from(site, "192.0.2.8", "other"))[0] == "address-banned"
    token = bad.of(m.Welcome)[0].token
    assert refusal(come_from(site, "192.0.2.7", token=token))[0] == "address-banned"
    again = come_from(site, "198.51.100.8", token=token)
    assert again.of(m.Welcome)[0].resumed  # the session is not ended
    assert site.server.counters.ended == {CloseReason.BANNED: 1, CloseReason.REFUSED: 2}


def test_bans_are_listed_lifted_and_end(site):
    assert site.ask(c.AskBans(), BanRow) == []
    do(site, c.AskBan(whom="192.0.2.0/24", reason="spam", seconds=60))
    do(site, c.AskBan(whom="2001:db8::/32"))
    first, second = site.ask(c.AskBans(), BanRow)
    assert (first.whom, first.reason, second.whom, second.left) == (
        "192.0.2.0/24",
        "spam",
        "2001:db8::/32",
        None,
    )
    assert 50 < first.left <= 60
    assert site.ask(c.AskBans(where=["whom=2001*"]), BanRow) == [second]
    assert refusal(come_from(site, "2001:db8::7", "bad")) == ("address-banned", BANNED_AGAIN)
    do(site, c.AskUnban(whom="2001:db8::/32"))
    assert come_from(site, "2001:db8::7", "bad").of(m.Welcome)
    site.playground.advance(61, step=1.0)
    assert come_from(site, "192.0.2.1", "late").of(m.Welcome)
    assert site.ask(c.AskBans(), BanRow) == []
    assert do(site, c.AskUnban(whom="2001:db8::/32"), Refused) == "no-such-act"


def test_a_single_address_is_written_as_one(site):
    text = do(site, c.AskBan(whom="::ffff:192.0.2.7"))
    assert text.startswith("192.0.2.7 is banned from the server;")
    assert [row.whom for row in site.ask(c.AskBans(), BanRow)] == ["192.0.2.7"]
    bad = come_from(site, "192.0.2.7", "bad")
    assert bad.of(m.Error)[0].text.startswith("192.0.2.7 is banned from this server;")
    do(site, c.AskUnban(whom="192.0.2.7"))
    assert come_from(site, "192.0.2.7", "bad").of(m.Welcome)


def test_bans_outlive_a_crash_and_those_that_have_ended_are_dropped(site):
    do(site, c.AskBan(whom="192.0.2.7"))
    do(site, c.AskBan(whom="192.0.2.8", seconds=60))
    assert sorted(site.playground.store.address_bans) == ["192.0.2.7/32", "192.0.2.8/32"]
    site.playground.crash_server()
    site.playground.start_server()
    assert refusal(come_from(site, "192.0.2.7", "bad"))[0] == "address-banned"
    site.playground.advance(3700, step=10.0)
    assert list(site.playground.store.address_bans) == ["192.0.2.7/32"]


def test_what_failed_to_be_kept_bans_nobody(site):
    site.playground.store.failing = OSError("full")
    assert do(site, c.AskBan(whom="192.0.2.7"), Refused) == "storage-unavailable"
    site.playground.store.failing = None
    site.playground.advance(2)
    assert come_from(site, "192.0.2.7", "ann").of(m.Welcome)


@pytest.mark.parametrize(
    ("whom", "code"),
    [
        ("ann", "no-such-room"),
        ("300.1.1.1/24", "bad-value"),
        ("127.0.0.0/8", "bad-value"),
        ("::1", "bad-value"),
    ],
)
def test_what_cannot_be_banned_is_said(site, whom, code):
    assert do(site, c.AskBan(whom=whom), Refused) == code


WIDE = ["0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/7", "2000::/3", "::/0", "2001::/15", "::ffff:0.0.0.0/96"]


@pytest.mark.parametrize("room", ["", "#a"])
@pytest.mark.parametrize("whom", WIDE)
def test_a_large_part_of_all_addresses_is_banned_only_if_that_is_meant(site, whom, room):
    come_in(site.playground, "ann", m.Join(id=1, room="#a"), wait=0.1)
    assert do(site, c.AskBan(whom=whom, room=room), Refused) == "bad-value"
    assert site.ask(c.AskBans(room=room), BanRow) == []
    do(site, c.AskBan(whom=whom, room=room, force=True))
    assert len(site.ask(c.AskBans(room=room), BanRow)) == 1


def test_moderators_ban_no_such_network_at_all(site):
    ann = come_in(site.playground, "ann", m.Join(id=1, room="#a"), wait=0.1)
    for number, whom in enumerate(WIDE, 2):
        assert ask(site.playground, ann, m.Ban(id=number, room="#a", whom=whom)).code == "bad-value", whom
    assert isinstance(ask(site.playground, ann, m.Ban(id=99, room="#a", whom="10.0.0.0/8")), m.Ok)
    assert [row.whom for row in site.ask(c.AskBans(room="#a"), BanRow)] == ["10.0.0.0/8"]


def test_everything_may_be_banned_but_this_machine(site):
    do(site, c.AskBan(whom="0.0.0.0/0", force=True))
    assert come_in(site.playground, "local", wait=0.1).of(m.Welcome)
    assert refusal(come_from(site, "192.0.2.7", "ann"))[0] == "address-banned"


def test_behind_tls_few_are_worth_a_handshake(site):
    do(site, c.AskBan(whom="192.0.2.0/24"))
    opened = [site.server.may_open(SimpleNamespace(host="192.0.2.7")) for _ in range(5)]
    assert opened == [True, False, False, False, False]
    site.playground.advance(11)
    assert site.server.may_open(SimpleNamespace(host="192.0.2.7"))
    assert site.server.may_open(SimpleNamespace(host="198.51.100.1"))


def test_bans_of_a_room_are_listed_as_well(site):
    come_in(site.playground, "ann", m.Join(id=1, room="#a"), wait=0.1)
    do(site, c.AskBan(whom="ben", room="#a", reason="loud", seconds=60))
    (row,) = site.ask(c.AskBans(room="#a"), BanRow)
    assert (row.whom, row.reason, row.by) == ("@ben", "loud", "*")
    assert do(site, c.AskBans(room="#nowhere"), Refused) == "no-such-room"

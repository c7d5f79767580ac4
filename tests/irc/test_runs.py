"""Runs: messages that come together have the same outcome as those that come one by one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.wire.stored import event_in
from tests.irc.conftest import Place

NAME = "My.Little.Server"

LINES = st.sampled_from(
    [
        b"PRIVMSG #tea :hey",
        b"PRIVMSG #TEA :hey",
        b"PRIVMSG #tea :two words \xc3\xa4",
        b"PRIVMSG #tea :bad \xaa",
        b"PRIVMSG #tea : ",
        b"PRIVMSG #tea hey",
        b"PRIVMSG #tea :@bea look",
        b"PRIVMSG #tea :\x01ACTION waves\x01",
        b"PRIVMSG #tea :\x02bold\x02",
        b"PRIVMSG #no :hey",
        b"PRIVMSG #coffee :hey",
        b"PRIVMSG bea :psst",
        b"PRIVMSG #tea :" + b"x" * 440,
        b"PRIVMSG #tea :" + b"x" * 490,
        b"privmsg #tea :small",
        b"@label=x PRIVMSG #tea :labelled",
        b"TOPIC #tea :new",
        b"PING p",
        b"",
    ]
)


def heard_by_both(lines, *, together, capabilities):
    place = Place()
    ada = place.enter("ada", *capabilities)
    bea = place.enter("bea", *capabilities)
    for client in (ada, bea):
        client.ask("JOIN #tea,#coffee")
    ada.hear()
    if together:
        ada.transport.write(b"".join(line + b"\r\n" for line in lines))
    heard = []
    for line in () if together else lines:
        ada.send(line)
        heard += ada.hear()
    heard += ada.hear()
    return heard, [(event.by, event.n, event.text) for event in events(place)], bea.hear()


def events(place):
    log = place.world.rooms["#tea"].log
    kept = [log.recall(seq) for seq in range(log.first, log.head + 1)]
    return [event for event in map(event_in, kept) if event.kind == "message"]


def told(lines):
    """Return the lines without what differs by the moment: times, and the order between rooms."""
    bare = [line.split(" ", 1)[1] if line.startswith("@") else line for line in lines]
    return sorted(bare), [line for line in bare if " #tea" in line and " PRIVMSG " in line]


@settings(max_examples=15, deadline=None)
@given(st.lists(LINES, max_size=8), st.sampled_from([(), ("echo-message", "labeled-response", "batch")]))
def test_together_is_as_one_by_one(lines, capabilities):
    ada, kept, bea = heard_by_both(lines, together=True, capabilities=capabilities)
    ada_one, kept_one, bea_one = heard_by_both(lines, together=False, capabilities=capabilities)
    assert kept == kept_one
    assert told(bea) == told(bea_one)
    assert told(ada) == told(ada_one)


def test_an_answer_comes_behind_what_was_said_before(place):
    ada, bea = place.enter("ada", "echo-message"), place.enter("bea")
    for client in (ada, bea):
        client.ask("JOIN #tea")
    ada.hear()
    lines = [f"PRIVMSG #tea :{number}" for number in range(100)]
    heard = ada.ask(*lines)
    assert [line.rsplit(":", 1)[1] for line in heard] == [str(number) for number in range(100)]
    assert [line.rsplit(":", 1)[1] for line in bea.hear()] == [str(number) for number in range(100)]


def test_a_rate_holds_for_what_comes_together():
    place = Place(limits={"requests_per_second": 5})
    ada, bea = place.enter("ada"), place.enter("bea")
    for client in (ada, bea):
        client.ask("JOIN #tea")
    bea.hear()
    ada.send(*[f"PRIVMSG #tea :{number}" for number in range(200)])
    at_once, rest = bea.hear(0.1), bea.hear(60)
    assert len(at_once) < 190
    said = [line.rsplit(":", 1)[1] for line in at_once + rest if " PRIVMSG " in line]
    assert said == [str(number) for number in range(200)]


def test_each_is_told_that_it_could_not_be_kept(place):
    ada = place.enter("ada")
    ada.ask("JOIN #tea")
    place.playground.store.failing = OSError("no space left")
    heard = ada.ask(*[f"PRIVMSG #tea :{number}" for number in range(5)])
    assert [line.split()[1] for line in heard] == ["404"] * 5


def test_what_is_known_of_a_refused_message_stays_with_it(place):
    wanted = ("echo-message", "labeled-response", "batch", "message-tags")
    ada, bea = place.enter("ada", *wanted), place.enter("bea", "message-tags")
    for client in (ada, bea):
        client.ask("JOIN #tea")
    ada.hear()
    heard = ada.ask("@label=x;+wave PRIVMSG #no :hey", "PRIVMSG #tea :one", "@label=y PRIVMSG #tea :two")
    assert heard[0].startswith("@label=x ")
    assert ["label" in line for line in heard[1:]] == [False, True]
    assert "+wave" not in "".join(bea.hear())

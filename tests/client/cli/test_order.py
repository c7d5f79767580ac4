"""Keeping order from the console: what is typed, and what everybody sees of it."""

import json

import pytest

from chatd.client.cli.jsonlines import event_line
from chatd.client.cli.order import Words, act_line, words
from chatd.client.cli.text import event_lines, invited_line
from chatd.client.core.notices import InvitedSeen
from chatd.client.core.problems import ClientError
from chatd.wire import messages as m
from tests.client.cli.sitting import seated


@pytest.fixture
def people(world):
    """Seat ann, who owns #tea, and ben and cem, who are there too."""
    with seated(world, "ann", "ben", "cem") as people:
        yield people


@pytest.mark.parametrize(
    ("argument", "timed", "said"),
    [
        ("ben", True, Words("ben", 0, "")),
        ("ben  10m  too loud", True, Words("ben", 600, "too loud")),
        ("ben 10min noise", True, Words("ben", 600, "noise")),
        ("ben 30s", True, Words("ben", 30, "")),
        ("ben for 10min of noise", True, Words("ben", 0, "for 10min of noise")),
        ("ben 10m too loud", False, Words("ben", 0, "10m too loud")),
        ("192.0.2.0/24 7d", True, Words("192.0.2.0/24", 604_800, "")),
        ("ben 10 minutes", False, Words("ben", 0, "10 minutes")),
        ("", True, Words("", 0, "")),
    ],
)
def test_words(argument, timed, said):
    assert words(argument, timed=timed) == said


@pytest.mark.parametrize("argument", ["60", "10 minutes", "10minutes", "2hours", "7D noise", "1w", "٣ x"])
def test_what_only_looks_like_a_time_is_no_reason(argument):
    first = argument.split()[0]
    with pytest.raises(ClientError, match=rf"{first} is no time; write one like 30s, 10min, 2h or 7d"):
        words(f"ben {argument}", timed=True)


def test_what_is_typed_and_what_is_seen(people):
    ann, ben, cem = people.values()
    ann.type(
        "/role ben moderator",
        "/mute cem 10m too loud",
        "/unmute cem",
        "/ban zoe 2h",
        "/ban 192.0.2.0/24 7d spam",
        "/unban zoe",
        "/set slow 5",
        "/kick cem enough",
    )
    acts = [line for line in ben.paper.shown if line.startswith("#tea * ann ")]
    assert [line.removeprefix("#tea * ann ") for line in acts] == [
        "gave ben the role of moderator",
        "muted cem for 10 min: too loud",
        "lets cem speak again",
        "banned zoe for 2 h",
        "banned 192.0.2.0/24 for 7 d: spam",
        "took the ban of zoe back",
        "set slow 5",
        "removed cem: enough",
    ]
    assert cem.paper.lines[-2:] == ["#tea * ann removed cem: enough", "chatc: You are no longer in #tea."]
    assert cem.prompt == "> "
    (ban,) = ben.type("/bans")
    assert ban.startswith("ban 192.0.2.0/24, by ann, 6 d left: spam")
    assert ben.type("/who") == ["#tea has 2 members. online: ann (owner), ben (moderator)"]


def test_who_was_removed_is_not_let_in_again_by_the_client_itself(people, world):
    ann, _, cem = people.values()
    ann.type("/kick cem")
    cem.client.reconnect()
    world.network.cut("down")
    world.advance(20)
    world.network.heal()
    world.advance(60)
    assert cem.client.followed() == []
    assert cem.client.status().state.name == "CONNECTED"


def test_an_invitation_is_shown_and_taken(people):
    ann, ben, cem = people.values()
    cem.type("/leave")
    ann.type("/set kind private")
    assert cem.type("/join #tea")[-1].endswith("That name cannot be had; choose another.")
    assert "#tea" not in cem.prompt, "it names where one can talk"
    ann.type("/invite cem come in")
    told = "chatc: ann invites you to #tea (come in); enter it with /join #tea, or say no with /decline #tea"
    assert cem.paper.notes[-1] == told
    cem.type("/join #tea", "thanks")
    assert ben.paper.shown[-1] == "#tea <cem> thanks"
    assert ben.type("/rooms")[0] == "*  1 #tea  3 members, private"


def test_refusals_are_told(people):
    _, ben, _ = people.values()
    assert "Only its moderators may do that in #tea." in ben.type("/kick cem")[0]
    assert "Only its owner may do that in #tea." in ben.type("/set slow 5")[0]
    assert "Write /kick nick [reason]" in ben.type("/kick")[0]
    assert "Write /role nick role" in ben.type("/role cem")[0]
    assert "Write /delete-room #room [reason]" in ben.type("/delete-room")[0]


def test_direct_messages_that_are_not_taken(people):
    ann, ben, _ = people.values()
    assert ann.type("/block ben") == [
        "You take no direct messages from ben any more, unless they operate the server."
    ]
    assert "takes no direct messages from you" in ben.type("/msg ann psst")[0]
    assert ann.type("/block") == ["You take no direct messages from: ben"]
    assert ann.type("/unblock ben") == ["You take direct messages from ben again."]
    assert ann.type("/block") == ["You block nobody."]
    assert ann.type("/allow nobody") == ["You take direct messages from nobody."]
    assert "takes no direct messages from you" in ben.type("/msg ann psst")[0]


def test_a_room_is_deleted_by_name(people):
    ann, ben, _ = people.values()
    ann.type("/delete-room #tea done with it")
    assert ben.paper.lines[-2:] == [
        "#tea * ann deleted this room: done with it",
        "chatc: You are no longer in #tea.",
    ]


def test_nothing_of_it_reaches_a_terminal_as_control_characters():
    evil = "\x1b[2J\n\u202e"
    event = m.Event(
        room="#tea", seq=1, ts=0, kind="ban", by=evil, whom=evil, reason=evil, value=evil, operator=True
    )
    shown = [
        event_lines(event, "#tea"),
        act_line(m.Act(what=evil, whom=evil, by=evil, reason=evil)),
        invited_line(InvitedSeen(evil, evil, evil)),
    ]
    assert all("\x1b" not in line and "\n" not in line and "\u202e" not in line for line in shown)


def test_programs_are_told_all_of_it():
    event = m.Event(room="#tea", seq=1, ts=0, kind="ban", by="ann", whom="ben", reason="noise", value="60")
    told = json.loads(event_line(event, "#tea"))
    assert (told["whom"], told["reason"], told["value"]) == ("ben", "noise", "60")

"""The conversation, with the real client and the real daemon's protocol over the in-memory network."""

import pytest
from twisted.python.failure import Failure

from chatd.chat import accounts
from chatd.chat.changes.rows import OPERATOR
from chatd.client.cli.conversation import GRACE
from chatd.client.cli.running import watch_link
from chatd.client.cli.slash import COMMANDS, FIRST
from chatd.client.core.problems import ClientError
from chatd.wire.limits import MAX_TEXT
from tests.client.cli.sitting import Person
from tests.client.entering import make_client


@pytest.fixture
def person(world):
    """Return a function that seats people at consoles."""
    seated = []

    def sit(nick, **how):
        somebody = Person(world, make_client(world, nick), **how)
        seated.append(somebody)
        somebody.client.start()
        world.advance(0.5)
        return somebody

    yield sit
    for somebody in seated:
        somebody.leave()
        somebody.client.stop()
        somebody.talk.over.addErrback(lambda _: None)
    world.advance(5)


def test_the_list_of_commands_fits_a_terminal_and_hangs(person):
    *rows, last = person("ann").type("/help all")
    assert last.startswith("All else is sent")
    assert max(map(len, rows)) < 80
    usages = {command.usage for command in COMMANDS.values()}
    assert all(row in usages or (row[25] == " " != row[26]) for row in rows)
    begin = rows.index("/ban nick-or-addresses [time] [reason]")
    assert rows[begin + 1].strip().startswith("keep somebody out")
    said = " ".join(" ".join(rows).split())
    assert all(f"{command.usage} {command.summary}" in said for command in COMMANDS.values())


def test_what_one_needs_first_fits_a_small_terminal(person):
    *rows, more, last = person("ann").type("/help")
    assert len(rows) + 3 < 24  # with the prompt, and a sentence of two rows
    assert max(map(len, rows)) < 80
    assert more == f"/help all lists all {len(COMMANDS)} commands, /help command explains one."
    assert last.startswith("All else is sent")
    assert set(FIRST) <= set(COMMANDS)


def test_what_may_be_written_is_told_where_that_is_a_choice(person):
    ann = person("ann")
    ann.type("/join #tea")
    (line,) = ann.type("/set slow")
    assert line.startswith("chatc: Write /set rule value. Rules are kind (public, private, read-only), ")
    assert ann.type("/help set")[0].endswith("archived (yes, no).")


# ---- first steps ------------------------------------------------------------------------------------------


def test_a_newcomer_is_told_how_to_begin(person):
    ann = person("ann")
    assert ann.paper.notes == [
        "chatc: connected to 127.0.0.1:7411",
        (
            "chatc: You are ann. Enter a room with /join #room (a new name makes a new room),"
            " see what rooms there are with /rooms, and all commands with /help."
        ),
    ]
    assert ann.prompt == "> "


def test_failed_logins_are_told_to_who_comes_back(world, person):
    ann = person("ann")
    state = world.server.hub.world
    accounts.make(state, state.nicks["ann"], "", 7)
    accounts.note_failure(state, state.nicks["ann"])
    for _ in range(2):
        for connection in world.server.swept():
            connection.transport.abortConnection()
        world.advance(5)
    told = [line for line in ann.paper.lines if "password" in line]
    assert told == ["chatc: Since the last login a wrong password was given once for the account ann."]


def test_a_line_without_a_room_is_explained_and_not_lost(person):
    ann = person("ann")
    assert ann.type("hello?") == [
        "chatc: Not sent: you are in no room yet. Enter one with /join #room, then send it again.",
        "hello?",
    ]


def test_two_people_talk(person):
    ann, bob = person("ann"), person("bob")
    ann.type("/join #Tea")
    bob.type("/join #tea")
    assert ann.prompt == bob.prompt == "#tea> "
    ann.type("hello", "//me", "  ")
    assert bob.paper.shown == ["#tea * bob joined", "#tea <ann> hello", "#tea <ann> /me"]


def test_direct_messages_name_the_other(person):
    ann, bob = person("ann"), person("bob")
    ann.type("/msg bob psst, you")
    assert bob.paper.shown == ["@ann <ann> psst, you"]
    bob.type("/msg ann")
    assert bob.prompt == "@ann> "
    assert bob.type("yes?") == ["@ann <bob> yes?"]
    assert ann.paper.shown[-1] == "@bob <bob> yes?"
    bob.type("/nick bea")
    ann.type("/msg bea")
    assert ann.prompt == "@bea> "


def test_commands_work_in_a_conversation_of_two(person):
    ann, bob = person("ann"), person("Bob")
    ann.type("/msg bob one", "/msg bob")
    assert ann.prompt == "@Bob> "
    assert ann.type("/history")[1:2] == ["@Bob 1 <ann> one"]
    assert ann.type("/who") == ["@Bob has 2 members. online: ann, Bob"]
    assert ann.type("/rooms") == ["There are no rooms yet; /join #room makes one.", "*  1 @Bob"]
    assert ann.type("/topic us") == ["@Bob * ann set the topic: us"]
    assert ann.type("/leave @bob") == []
    assert ann.prompt == "> "
    bob.type("/msg ann")
    bob.type("/leave")
    assert bob.prompt == "> "


def test_an_operator_who_enters_is_shown_as_one(world, person):
    ann, bob = person("ann"), person("bob")
    ann.type("/join #tea")
    state = world.server.hub.world
    accounts.make(state, state.nicks["bob"], "", 7)
    accounts.set_flag(state, state.nicks["bob"], OPERATOR, on=True)
    bob.type("/join #tea")
    assert ann.paper.shown[-1] == "#tea * bob (operator) joined"
    assert ann.type("/who") == ["#tea has 2 members. online: ann (owner), bob (operator)"]


def test_several_rooms_have_numbers(person):
    ann = person("ann")
    ann.type("/join #a", "/join #b", "/topic all about b")
    assert ann.type("/rooms") == ["   1 #a  1 member", "*  2 #b  1 member  all about b"]
    ann.talk.switch(1)
    assert ann.prompt == "#a> "
    ann.talk.switch(3)
    assert ann.paper.notes[-1] == "chatc: You have no room number 3; /rooms shows the numbers."
    ann.type("/join b")
    assert ann.prompt == "#b> "


def test_somebody_in_many_rooms_chooses_where_to_talk(world, person):
    ann = person("ann")
    ann.type("/join #a", "/join #b")
    world.crash_server()
    world.start_server()
    ann.talk.current = ""
    ann.hearing._greeted = False
    world.advance(5)
    assert ann.paper.notes[-1].startswith("chatc: You are ann, in #a (Alt-1), #b (Alt-2). /join one")


# ---- commands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/nick", "Your nick is ann."),
        ("/topic", "#a has no topic."),
        ("/who", "#a has 1 member. online: ann"),
        ("/who #nowhere", "chatc: There is no room #nowhere"),
        ("/help /join", "/join #room: enter a room, or go on talking in one you are in"),
        ("/jion #x", "chatc: There is no command /jion; did you mean /join? A text that begins with / is"),
        ("/usr/bin", "chatc: There is no command /usr/bin; /help lists the commands."),
        ("/", "chatc: There is no command /; /help lists the commands."),
        ("/join", "chatc: Write /join #room"),
        ("/join #a b", "chatc: Write /join #room"),
        ("/msg", "chatc: Write /msg nick [text]"),
        ("/history x", "chatc: Write /history [count [before]]"),
        ("/history 5 1", "There is nothing earlier in #a."),
        ("/nick not/possible", "chatc: That nick is not possible"),
        ("/join #not/possible", "chatc: That room name is not possible"),
        ("/msg nobody hi", "chatc: Not sent to @nobody: "),
        ("x" * (MAX_TEXT + 1), "chatc: Not sent to #a: The text has 16385 bytes"),
    ],
)
def test_commands_answer(person, line, answer):
    ann = person("ann")
    ann.type("/join #a")
    assert ann.type(line)[0].startswith(answer)


def test_what_was_refused_is_shown_with_its_text(person):
    ann = person("ann")
    ann.type("/join #a")
    assert ann.type("/msg nobody precious words")[1:] == ["precious words"]
    assert ann.type("bell\x07")[1:] == ["bell␇"]
    assert ann.client.waiting() == []


def test_history_is_a_page_with_a_way_to_earlier_ones(person):
    ann = person("ann")
    ann.type("/join #a", *(f"text {n}" for n in range(5)))
    assert ann.type("/history 2") == [
        "-- #a, events 5 to 6 --",
        "#a 5 <ann> text 3",
        "#a 6 <ann> text 4",
        "-- end of history; for earlier ones: /history 2 5 --",
    ]
    assert "#a 4 <ann> text 2" in ann.type("/history 2 5")


def test_leaving_a_room_says_so_and_leaves_no_room_to_talk_in(person):
    ann = person("ann")
    ann.type("/join #a")
    assert "chatc: You are no longer in #a." in ann.type("/leave")
    assert ann.prompt == "> "
    assert ann.type("/leave") == [
        "chatc: Not done: you are in no room yet. Enter one with /join #room, or name it: /leave [#room]"
    ]
    nowhere = "chatc: Not done: you are in no room yet. Enter one with /join #room, then say it there."
    assert ann.type("/history", "/topic x", "/put f", "/get 3") == [nowhere] * 4


def test_status_tells_what_is_known(world, person):
    ann = person("ann")
    lines = ann.type("/status")
    assert lines[0] == "ann at 127.0.0.1:7411: connected"
    assert lines[-1] == "nothing waits"
    ann.type("/join #a")
    world.crash_server()
    world.advance(1)
    lines = ann.type("one", "/status")
    assert "1 message waiting to be sent" in lines
    assert "the reason: refused: nothing listens there" in lines


# ---- an outage --------------------------------------------------------------------------------------------


def test_what_is_typed_while_offline_waits_in_sight_and_goes_out_in_order(world, person):
    ann, bob = person("ann"), person("bob")
    ann.type("/join #a")
    bob.type("/join #a")
    world.crash_server()
    world.advance(1)
    ann.type("one", "two")
    assert ann.prompt == "#a (offline, 2 waiting)> "
    assert ann.talk.waiting_rows() == ("queued  #a one", "queued  #a two")
    assert bob.paper.shown == ["#a * bob joined"]
    world.start_server()
    world.advance(10)
    assert ann.prompt == "#a> "
    assert ann.talk.waiting_rows() == ()
    assert ann.paper.shown[-2:] == bob.paper.shown[-2:] == ["#a <ann> one", "#a <ann> two"]


def test_of_many_that_wait_the_newest_are_seen_and_the_rest_counted(world, person):
    ann = person("ann")
    ann.type("/join #a")
    world.crash_server()
    ann.type(*(f"text {n}" for n in range(7)), wait=0)
    assert ann.talk.waiting_rows()[:2] == ("… and 3 messages before", "queued  #a text 3")


def test_a_long_outage_is_told_once(world, person):
    ann, bot = person("ann"), person("bot", interactive=False)
    world.crash_server()
    world.advance(20)
    told = [[line for line in p.paper.notes if "cannot connect" in line] for p in (ann, bot)]
    assert [len(lines) for lines in told] == [1, 1]


@pytest.mark.parametrize("every", [False, True])
def test_so_it_is_to_who_sends_or_follows_unless_they_want_to_hear_of_every_try(world, every):
    client, said = make_client(world, "ann"), []
    watch_link(client, every=every, say=said.append)
    for _ in range(2):
        world.crash_server()
        client.start()
        world.advance(20)
        world.start_server()
        world.advance(20)
    tries = [line for line in said if line.startswith("cannot connect")]
    assert len(tries) > 6 if every else len(tries) == 2
    client.stop()
    world.advance(1)


def test_a_command_in_an_outage_says_that_it_waits(world, person):
    ann = person("ann")
    ann.type("/join #a")
    world.crash_server()
    world.advance(1)
    assert ann.type("/who")[-1:] == ["chatc: /who is asked as soon as there is a connection."]
    world.start_server()
    world.advance(10)
    assert any(line.startswith("#a has 1 member.") for line in ann.paper.shown)


def test_a_command_in_an_outage_says_that_it_waits_for_the_texts_before_it(world, person):
    ann, bob = person("ann"), person("bob")
    ann.type("/join #a")
    bob.type("/join #a")
    world.crash_server()
    world.advance(1)
    ann.type("good", "night")
    assert ann.type("/topic gone home")[-1:] == [
        "chatc: /topic is asked as soon as there is a connection and the 2 messages before it are sent."
    ]
    ann.type("/leave")
    world.start_server()
    world.advance(10)
    assert bob.paper.shown[-4:] == [
        "#a <ann> good",
        "#a <ann> night",
        "#a * ann set the topic: gone home",
        "#a * ann left",
    ]
    assert ann.prompt == "> "
    assert not any("Not sent" in note for note in ann.paper.notes)


def test_a_text_before_a_leave_is_heard(world, person):
    ann, bob = person("ann"), person("bob")
    ann.type("/join #a")
    bob.type("/join #a")
    ann.type("good night", "/leave", wait=0)
    world.advance(1)
    assert bob.paper.shown[-2:] == ["#a <ann> good night", "#a * ann left"]


def test_a_nick_is_taken_behind_the_text_before_it(world, person):
    ann = person("ann")
    ann.type("/join #a")
    ann.type("as ann", "/nick bea", "as bea", wait=0)
    world.advance(1)
    said = [line for line in ann.paper.shown if line.startswith("#a")]
    assert said[-3:] == ["#a <ann> as ann", "#a * ann is now bea", "#a <bea> as bea"]
    assert "Your nick is bea." in ann.paper.shown


def test_a_command_that_waits_long_for_a_text_says_so(world, person):
    ann = person("ann")
    ann.type("/join #a")
    world.store.failing = OSError("disk full")
    ann.type("good night", wait=0.1)
    said = ann.type("/leave", wait=1.5)
    assert "chatc: /leave waits until the message before it is sent." in said
    world.store.failing = None
    world.advance(5)
    assert ann.paper.shown[-2:] == ["#a <ann> good night", "#a * ann left"]


def test_what_was_not_done_is_said_at_the_end(world, person):
    ann = person("ann")
    ann.type("/join #a")
    world.crash_server()
    world.advance(1)
    ann.type("good night", "/leave", "/join #b", "hello b", "/quit")
    ann.leave()
    assert ann.paper.notes[-2:] == [
        "chatc: /leave was not done; enter it again next time.",
        "chatc: 2 messages stay queued; they go out when chatc runs again.",
    ]


def test_quit_waits_a_little_for_a_command_behind_a_text(world, person):
    ann, bob = person("ann"), person("bob")
    ann.type("/join #a")
    bob.type("/join #a")
    world.network.latency = 0.3
    for line in ("good night", "/leave", "/quit"):
        ann.talk.line(line)
    assert not ann.talk.over.called
    world.advance(2)
    assert ann.talk.over.called
    assert bob.paper.shown[-2:] == ["#a <ann> good night", "#a * ann left"]


def test_a_silent_link_shows(world, person):
    ann = person("ann")
    ann.type("/join #a")
    world.network.cut()
    ann.type("anybody?", wait=3)
    assert ann.prompt == "#a (silent, 1 waiting)> "
    assert ann.talk.waiting_rows() == ("sending  #a anybody?",)
    world.network.heal()
    world.advance(3)
    assert ann.prompt == "#a> "


# ---- days, people, marks ----------------------------------------------------------------------------------


def test_the_day_is_told_when_it_changes(world, person):
    ann = person("ann")
    ann.type("/join #a", "one")
    assert len(ann.paper.days) == 1  # the playground's day is not today
    world.advance(86_400, step=60)
    ann.type("two")
    assert len(ann.paper.days) == 2


def test_nicks_rooms_and_commands_are_completed(person):
    ann, bob, bea = person("ann"), person("Bob"), person("bea")
    for somebody in (bob, bea, ann):
        somebody.type("/join #tea")
    bob.type("hello")
    complete = ann.talk.complete
    assert complete("b") == ("b", ["Bob: ", "bea: "])
    bea.type("hi")
    assert complete("hi b") == ("b", ["bea ", "Bob "])
    assert complete("hi @bo") == ("@bo", ["@Bob "])
    assert complete("hi #t") == ("#t", ["#tea "])
    assert complete("/rec") == ("/rec", ["/reconnect "])
    assert complete("hi /re") == ("/re", [])


def test_who_comes_and_goes_in_the_current_room_is_told(world, person):
    ann, bob = person("ann"), person("bob")
    bob.type("/join #a")
    ann.type("/join #a")
    bob.client.stop()
    world.advance(40)
    assert ann.paper.shown[-1] == "#a * bob is offline"
    other = person("bob")
    other.client.stop()


def test_what_was_displayed_is_marked_as_read(world, person):
    ann = person("ann")
    ann.type("/join #a", "one", "two")
    world.advance(5)
    assert {row.read for row in world.store.members.values()} == {3}


# ---- the end ----------------------------------------------------------------------------------------------


def test_quit_ends_with_status_0(world, person):
    ann = person("ann")
    ann.type("/quit")
    assert ann.talk.over.result == 0


def test_quit_waits_a_little_for_what_is_on_its_way(world, person):
    ann = person("ann")
    ann.type("/join #a")
    world.network.latency = 0.3
    ann.talk.line("last words")
    ann.talk.line("/quit")
    assert not ann.talk.over.called
    world.advance(1)
    assert ann.talk.over.called
    assert ann.client.waiting() == []


def test_quit_does_not_wait_for_ever_and_says_what_stays(world, person):
    ann = person("ann")
    ann.type("/join #a")
    world.network.cut()
    ann.talk.line("unheard")
    ann.talk.ended()
    world.advance(GRACE - 0.5)
    assert not ann.talk.over.called
    world.advance(1)
    assert ann.talk.over.called
    ann.talk.finish()
    assert ann.paper.notes[-1] == "chatc: 1 message stays queued; it goes out when chatc runs again."


def test_a_second_interrupt_ends_at_once(world, person):
    ann = person("ann")
    ann.type("/join #a")
    world.network.cut()
    ann.talk.line("unheard")
    ann.talk.interrupt()
    assert not ann.talk.over.called
    ann.talk.interrupt()
    assert ann.talk.over.called


def test_a_programs_end_waits_until_all_is_shown_and_answered(world, person):
    bot = person("bot", interactive=False)
    for line in ("/join #a", "one", "/who", "two"):
        bot.talk.line(line)
    bot.talk.ended()
    assert not bot.talk.over.called
    world.advance(1)
    assert bot.talk.over.result == 0
    assert [line for line in bot.paper.shown if "has 1" not in line] == [
        "#a * bot joined",
        "#a <bot> one",
        "#a <bot> two",
    ]
    assert "#a has 1 member. online: bot (owner)" in bot.paper.shown


def test_a_programs_status_tells_of_a_refusal(world, person):
    bot = person("bot", interactive=False)
    for line in ("/msg nobody hi", "/quux"):
        bot.talk.line(line)
    bot.talk.ended()
    world.advance(1)
    assert bot.talk.over.result == 1


def test_a_nick_that_is_taken_ends_with_a_sentence(person):
    person("ann")
    other = person("ann")
    assert isinstance(other.talk.over.result, Failure)
    with pytest.raises(ClientError, match="belongs to somebody else"):
        other.talk.over.result.raiseException()


def test_a_program_is_listened_to_once_it_is_known_where_we_stand(world, person):
    bot = person("bot", interactive=False)
    assert bot.paper.listening
    world.crash_server()
    offline = person("other", interactive=False)
    assert offline.paper.listening

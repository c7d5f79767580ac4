"""What people do about their accounts in a conversation: the daemon's real protocol, and passwords unseen."""

from dataclasses import replace

import pytest

from chatd.chat import accounts
from chatd.client.cli.plain_console import PlainConsole
from chatd.client.cli.terminal.cells import columns, cut
from chatd.client.cli.terminal.hidden import Dropped, Entered, Hidden
from chatd.client.cli.terminal.keys import KeyDecoder, Pasted
from chatd.client.cli.text import clean_line, session_lines
from chatd.client.cli.unseen import CHECKING, Unseen
from chatd.client.core.problems import ClientError
from chatd.client.core.session import SOFTWARE
from chatd.wire.messages import SessionInfo
from tests.client.cli.sitting import Person
from tests.client.entering import make_client, now
from tests.helpers import come_in

PASSWORD = "correct horse"
NEEDED = (
    "An invitation is needed to register; give its code: /register CODE, or chatc register --invite CODE."
)


def agree(world, registration):
    world.server.hub.world.terms = replace(world.server.hub.world.terms, registration=registration)


@pytest.fixture
def person(world):
    """Return a function that seats people at consoles, who know what to type where nothing is shown."""
    agree(world, "open")
    seated = []

    def sit(nick="ann", *secrets):
        somebody = Person(world, make_client(world, nick))
        somebody.paper.secrets += secrets
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


def test_a_guest_becomes_an_account_and_changes_its_password(world, person):
    ann = person("ann", PASSWORD, PASSWORD, PASSWORD, "battery staple", "battery staple")
    assert ann.type("/register") == ["chatc: ann is an account now, and this nick is yours for good."]
    assert ann.type("/register") == ["chatc: ann is an account already; /passwd changes its password."]
    assert ann.type("/passwd") == ["chatc: ann has another password now; all sessions go on."]
    assert ann.paper.asked == [
        "New password: ",
        "The same again: ",
        "",
        "Present password (Enter if none): ",
        "New password: ",
        "The same again: ",
        "",
    ]
    assert not [line for line in ann.paper.lines if "horse" in line or "staple" in line]
    assert world.server.hub.world.nicks["ann"].account.password


@pytest.mark.parametrize(
    ("command", "secrets", "answer"),
    [
        ("/passwd", (), "chatc: A guest has no account; register to have one."),
        ("/passwd now", (), "chatc: Write /passwd"),
        ("/sessions end", (), "chatc: Write /sessions [end number]"),
        ("/sessions end 77", (), "chatc: You have no session 77; look at the list of your sessions."),
        ("/certificates", (), "chatc: A guest has no account; register to have one."),
        ("/certificates add ff", (), "chatc: ff is no fingerprint."),
        ("/certificates show", (), "chatc: Write /certificates [add or remove]"),
        ("/code 1 2 3", (), "chatc: Write /code [uses [days]]"),
        ("/code 0", (), "chatc: A code serves 1000 times and 365 days at the most."),
        ("/code", (), "chatc: A guest has no account; register to have one."),
        ("/logout now", (), "chatc: Write /logout [everywhere]"),
        ("/delete-account now", (), "chatc: Write /delete-account [erase]"),
        ("/delete-account", (), "chatc: A guest has no account; register to have one."),
    ],
)
def test_what_cannot_be_done(person, command, secrets, answer):
    ann = person("ann", *secrets)
    assert ann.type(command) == [answer]
    assert ann.paper.secrets == []


SHORT = "chatc: A password has 8 to 512 characters; choose another."
DIFFERENT = "chatc: The two passwords are not the same."
WRONG = "chatc: That is not the present password."


def test_whoever_mistypes_is_asked_again_before_anything_that_is_typed_goes_to_a_room(world, person):
    ann = person("ann", "short", PASSWORD, "another one", PASSWORD, PASSWORD)
    answers = ann.type("/register")
    assert answers == [SHORT, DIFFERENT, "chatc: ann is an account now, and this nick is yours for good."]
    asked = [prompt.partition(":")[0] for prompt in ann.paper.asked]
    assert asked == ["New password", *["New password", "The same again"] * 2, ""]
    ann.paper.asked.clear()
    ann.paper.secrets += ["", "wrong horse", PASSWORD, "battery staple", "battery staple"]
    assert ann.type("/passwd") == [WRONG, WRONG, "chatc: ann has another password now; all sessions go on."]
    present = "Present password (Enter if none): "
    assert ann.paper.asked == [*[present] * 3, "New password: ", "The same again: ", ""]


def test_who_mistypes_too_often_is_told_the_command_once_all_is_seen_again(world, person):
    ann = person("ann", *["short"] * 3)
    said = ann.type("/register")
    assert said == [SHORT] * 3 + ["chatc: Nothing was changed; enter /register again."]
    assert ann.paper.asked[-1] == ""
    ann.paper.secrets += [PASSWORD, PASSWORD, *["wrong horse"] * 3]
    ann.type("/register")
    said = ann.type("/delete-account erase")
    assert said[4:] == [WRONG] * 3 + ["chatc: Nothing was changed; enter /delete-account erase again."]
    assert not ann.talk.parting


def test_without_a_connection_no_password_is_asked_for(world, person):
    ann = person("ann", PASSWORD, PASSWORD)
    ann.type("/register")
    world.crash_server()
    world.advance(1)
    ann.paper.asked.clear()
    for command in ("/passwd", "/delete-account"):
        assert ann.type(command) == ["chatc: It can be done when there is a connection."]
    assert ann.paper.asked == []


def test_sessions_certificates_and_codes(world, person):
    ann = person("ann", PASSWORD, PASSWORD)
    ann.type("/register")
    accounts.set_flag(world.server.hub.world, world.server.hub.world.nicks["ann"], 1, on=True)
    (line,) = ann.type("/sessions")
    assert ("this one" in line, "127.0.0.1" in line) == (True, True)
    assert ann.type("/certificates") == ["No certificate opens this account."]
    assert ann.type(f"/certificates add {'ab' * 32}") == [
        "chatc: That certificate opens the account ann now."
    ]
    (line,) = ann.type("/certificates")
    assert line.startswith("ab" * 32)
    ann.type(f"/certificates remove {'ab' * 32}")
    assert ann.type("/certificates") == ["No certificate opens this account."]
    (line,) = ann.type("/code 3")
    assert line.endswith(" lets others register: 3 times, within 7 days.")
    (line,) = ann.type("/code 1 1")
    assert line.endswith(" lets others register: 1 time, within 1 day.")


def test_sessions_are_told_by_the_names_of_their_devices_and_nothing_in_these_is_obeyed(world, person):
    ann = person("ann", PASSWORD, PASSWORD)
    ann.type("/register")
    for label in ("küche", "台所", "fake\n     9  this one"):
        come_in(world, "ann", password=PASSWORD, label=label)
    here, *others = ann.type("/sessions")
    assert here.split() == ["1", "this", "one", "127.0.0.1", SOFTWARE]
    assert {line.split()[2] for line in others} == {"küche", "台所", "fake␊"}
    ends = [columns(cut(line.partition("127.0.0.1")[0])) for line in (here, *others)]
    assert ends == [ends[0]] * 4
    (nasty,) = session_lines([SessionInfo(session=7, label="a\x1b[2J\u202eb", software="c\x9b2J")])
    assert clean_line(nasty) == nasty


def test_who_logs_out_ends_chatc_and_is_told(world, person):
    ann = person("ann", PASSWORD, PASSWORD)
    ann.type("/register")
    assert ann.type("/logout everywhere") == ["chatc: You are logged out."]
    assert now(ann.talk.over) == 0
    assert not world.server.hub.world.nicks["ann"].sessions


@pytest.mark.parametrize(
    ("registration", "code", "answer"),
    [
        ("closed", "", "Accounts are made by the operator here; ask for one."),
        ("invite", "", NEEDED),
        ("invite", "k7mq", "This invitation serves no more, or never did; ask for another one."),
    ],
)
def test_whoever_may_not_register_is_asked_for_no_password(world, person, registration, code, answer):
    ann = person("ann")
    agree(world, registration)
    assert ann.type(f"/register {code}".strip()) == [f"chatc: {answer}"]
    assert ann.paper.asked == []


@pytest.mark.parametrize("erase", [False, True])
def test_who_deletes_the_account_is_told_what_that_means_and_asked(world, person, erase):
    ann = person("ann", PASSWORD, PASSWORD, "wrong horse", PASSWORD)
    ann.type("/register")
    ann.type("/join #tea")
    ann.type("psst")
    command = "/delete-account erase" if erase else "/delete-account"
    answers = ann.type(command)
    what = "all that you have said is erased, for everybody" if erase else "what you have said stays"
    assert answers[:4] == [
        "chatc: Your account ann at 127.0.0.1:7411 is to be deleted for good.",
        f"chatc: On all your devices you are logged out, you leave your rooms, and {what}.",
        "chatc: Nobody can ever have its nicks again, not even you.",
        "chatc: Ctrl-C leaves everything as it is.",
    ]
    assert answers[4:] == [WRONG, "chatc: Your account is deleted."]
    assert now(ann.talk.over) == 0
    state = world.server.hub.world
    assert state.nicks["ann"].deleted
    assert bool(state.erasures) == erase


def test_a_program_is_asked_for_no_password():
    console = PlainConsole.__new__(PlainConsole)
    failed = []
    console.ask_secret("Password: ").addErrback(failed.append)
    assert failed[0].check(ClientError)
    assert "--password-file" in failed[0].value.text


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (b"correct horse\r", "correct horse"),
        (b"corx\x7frect\r", "correct"),
        (b"wrong\x15right\r", "right"),
        ("pässwörd\r".encode(), "pässwörd"),
        (b"\x1b[A\x1b[B\tab\r", "ab"),
        (b"\x1b[200~pasted\n\x1b[201~\r", "pasted"),
        (b"/quit\r", "/quit"),
        (b"\r", ""),
    ],
)
def test_a_line_that_nobody_sees(typed, text):
    hidden = Hidden("Password: ")
    outcomes = [hidden.press(key) for key in KeyDecoder().feed(typed)]
    assert outcomes[:-1] == [None] * (len(outcomes) - 1)
    assert outcomes[-1] == Entered(text)
    assert not text or text not in repr(outcomes[-1])


@pytest.mark.parametrize("typed", [b"half\x03", b"\x04", b"half\x15\x04"])
def test_it_is_dropped(typed):
    hidden = Hidden("Password: ")
    assert [hidden.press(key) for key in KeyDecoder().feed(typed)][-1] == Dropped()


def test_what_is_typed_while_a_password_is_checked_belongs_to_the_next_one_or_to_nobody():
    unseen, decoder = Unseen(), KeyDecoder()

    def type_in(typed):
        for key in decoder.feed(typed):
            unseen.press(key)

    first = unseen.ask("Present password: ")
    type_in(b"wrong horse\rcorrect ")
    assert (now(first), unseen.prompt) == ("wrong horse", CHECKING)
    again = unseen.ask("Present password: ")
    type_in(b"horse\rbattery\r")
    assert now(again) == "correct horse"
    assert now(unseen.ask("New password: ")) == "battery"
    type_in(b"battery")
    unseen.end()
    assert unseen.prompt is None
    fresh = unseen.ask("New password: ")
    type_in(b"\r")
    assert now(fresh) == ""
    type_in(b"\x03")
    assert unseen.prompt is None


def test_lines_within_a_paste_stay():
    hidden = Hidden("Password: ")
    hidden.press(Pasted("two\nlines\n"))
    (key,) = KeyDecoder().feed(b"\r")
    assert hidden.press(key) == Entered("two\nlines")

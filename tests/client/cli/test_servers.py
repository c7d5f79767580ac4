"""chatc servers, and --server lan: what is shown of strangers, and who is asked."""

import json

import pytest

from chatd.client.cli.servers import found_line, line_of, pick, run_servers
from chatd.client.core.address import parse_address
from chatd.client.core.nearby import Nearby
from chatd.client.core.problems import ClientError
from chatd.client.core.session import Changes, Session
from chatd.client.profile.origins import origin_of
from chatd.client.profile.places import known_origins, secured_hosts
from chatd.client.profile.profiles import open_slot


def nearby(text, name="Office", **more):
    return Nearby(name, parse_address(text), **{"answers": True, **more})


OFFICE, SHOP = (
    nearby("10.0.0.1"),
    nearby("tls://shop.example.org", "Shop", page="https://shop.example.org:7480/"),
)


def asked(*answers):
    questions, left = [], list(answers)

    def ask(question):
        questions.append(question)
        return left.pop(0)

    return ask, questions


def refused(found, ask):
    with pytest.raises(ClientError) as caught:
        pick(found, ask)
    return caught.value.text


def test_the_only_one_is_taken_and_nobody_asked():
    assert pick([OFFICE], None) is OFFICE
    assert pick([OFFICE, nearby("10.0.0.2", answers=False)], None) is OFFICE


def test_of_several_a_person_takes_one():
    ask, questions = asked("both\n", "3\n", "2\n")
    assert pick([OFFICE, SHOP], ask) is SHOP
    assert questions[0].splitlines() == [
        '  1  10.0.0.1:7411                "Office" (plain text)',
        '  2  tls://shop.example.org:7412  "Shop" (https://shop.example.org:7480/)',
        "Which one? [1-2] ",
    ]
    assert questions[1:] == ["Write a number from 1 to 2: "] * 2


@pytest.mark.parametrize("answers", [("",), ("\n",), ("x", "0", "²")])
def test_whoever_chooses_none_goes_nowhere(answers):
    assert refused([OFFICE, SHOP], asked(*answers)[0]) == "No server was chosen, and nothing was sent."


def test_in_a_pipe_several_are_an_error_that_lists_them():
    assert refused([OFFICE, SHOP], None) == (
        'Several servers announce themselves; name one of them with --server: 10.0.0.1:7411 ("Office"),'
        ' tls://shop.example.org:7412 ("Shop").'
    )


def test_a_name_does_nothing_to_the_screen_and_says_nothing_in_our_place():
    name = '\x1b[2J\x07\n\u202eOffice" (known)'
    line = line_of(nearby("10.0.0.1", name))
    assert line.isprintable()
    assert line == '10.0.0.1:7411                "␛[2J␇␊\ufffdOffice\' (known)" (plain text)'
    assert found_line(nearby("10.0.0.1", name)).endswith('(known)" at 10.0.0.1:7411, in plain text')
    assert found_line(SHOP) == 'going to "Shop" at tls://shop.example.org:7412'


def test_what_is_known_is_told():
    gone = nearby("10.0.0.1", answers=False, known=True)
    assert line_of(gone) == '10.0.0.1:7411                "Office" (does not answer, plain text, known)'
    assert "you know this host by TLS" in line_of(nearby("10.0.0.1", lowered=True))


def test_for_programs():
    out = []
    assert run_servers([OFFICE, SHOP], lambda data: out.append(data) or 0, as_json=True) == 0
    assert [json.loads(line) for line in out[0].splitlines()] == [
        {
            "name": "Office",
            "server": "10.0.0.1:7411",
            "host": "10.0.0.1",
            "port": 7411,
            "tls": False,
            "page": "",
            "answers": True,
            "known": False,
        },
        {
            "name": "Shop",
            "server": "tls://shop.example.org:7412",
            "host": "shop.example.org",
            "port": 7412,
            "tls": True,
            "answers": True,
            "known": False,
            "page": "https://shop.example.org:7480/",
        },
    ]


def test_what_the_profile_knows(tmp_path):
    assert known_origins(None, None) == known_origins("p", tmp_path) == set()
    for text in ("tls://Chat.example.org", "10.0.0.1", "wss://web.example.org/chat"):
        slot = open_slot("p", origin_of(parse_address(text)), "ann", "ann", folder=tmp_path)
        slot.save(Changes(Session("s", 1, "token", "ann"), 0, {}, (), ()), cursors=True)
        slot.close()
    origins = known_origins("p", tmp_path)
    assert origins == {"tls://chat.example.org:7412", "tcp://10.0.0.1:7411", "wss://web.example.org:443"}
    assert secured_hosts(origins) == {"chat.example.org", "web.example.org"}

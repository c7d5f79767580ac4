"""What a program hands in: people's strings are taken, and what cannot be is answered by one sentence."""

from dataclasses import fields
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from chatd.client.api import open_client
from chatd.client.core.address import Address
from chatd.client.core.problems import ClientError
from chatd.client.core.proxy import Proxy
from chatd.client.core.session import Credentials
from chatd.client.values import Options
from chatd.wire.messages import History, Pulse
from tests.client.entering import now

WRONG = {
    "server": [7411, None, b"chat.example", "", "no port:x", "http://x", ("127.0.0.1", 7411), "h:99999"],
    "nick": [None, 5, b"ann", ["ann"]],
    "profile": [5, b"p", Path("p")],
    "slot": [-1, "1", None, True, 1.0],
    "profile_named": [1, None, "yes"],
    "folder": [5, b"/tmp", "", "a\0b"],
    "same_as": [5, "x:y:z", b"h"],
    "rooms": [5, None, b"#a", ["lobby"], [5], "lobby", [""], ["#"], [None]],
    "follow": ["none", None, 1, ["all"], {}],
    "cursors": [5, [("#a", 1)], {"#a": "1"}, {"#a": -1}, {1: 1}, {"#a": True}, {"#a": None}],
    "checks": [5, {"#a": 1}, {1: "x"}, ["#a"]],
    "times": [5, {"#a": "1"}, {1: 1}],
    "remember": [1, None, "no"],
    "commit": ["hand", None, True],
    "heartbeat": [2.0, None, Pulse("2", 4), Pulse(-1.0, 4), Pulse(2.0, 0), (2.0, 4)],
    "ca": [5, b"ca.pem", ""],
    "fingerprint": [5, b"00"],
    "cert": [5, b"c.pem", ""],
    "key": [5, b"k.pem", ""],
    "proxy": [5, b"p:1", "", "ftp://p:1", "http://user:secret@", ("h", 1)],
    "credentials": ["secret", 5, {"password": "secret"}, Credentials(b"secret"), Credentials("secret", 1)],
    "typing": [1, None, "yes"],
    "device_name": [5, b"k", "k" * 65, "ü" * 33, "a\x1b[2J", "a\nb", "a\tb", "\udcff"],
}


def test_every_option_has_its_wrong_values_here():
    assert set(WRONG) == {field.name for field in fields(Options)}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]])
def test_a_wrong_option_is_answered_at_the_call_by_one_sentence(name, value):
    with pytest.raises(ClientError) as refused:
        Options(**{name: value})
    assert refused.value.code in {"bad-options", "bad-address", "bad-proxy"}
    assert refused.value.text.endswith(".")
    assert "\n" not in refused.value.text
    assert "secret" not in refused.value.text or name == "same_as"


def test_strings_are_taken_where_people_have_strings():
    options = Options(
        server="tls://chat.example",
        same_as="10.0.0.1",
        rooms=["#a", "#b"],
        folder="state",
        ca=Path("ca.pem"),
        cert=Path("c.pem"),
        key="k.pem",
        proxy="http://proxy.example:3128",
    )
    assert options.server == Address("tls", "chat.example", 7412)
    assert options.same_as == Address("tcp", "10.0.0.1", 7411)
    assert options.rooms == ("#a", "#b")
    assert options.folder == Path("state")
    assert (options.ca, options.cert, options.key) == ("ca.pem", "c.pem", "k.pem")
    assert options.proxy == Proxy("http", "proxy.example", 3128)
    assert Options(rooms="#lobby").rooms == ("#lobby",)
    assert options == Options(
        options.server,
        same_as=options.same_as,
        rooms=options.rooms,
        folder=options.folder,
        ca=options.ca,
        cert=options.cert,
        key=options.key,
        proxy=options.proxy,
    )


def test_a_client_is_opened_by_the_string_that_people_write(tmp_path):
    client = open_client(Clock(), Options(server="127.0.0.1:7411", nick="ann", folder=str(tmp_path)))
    assert client.status().address == "127.0.0.1:7411"


CALLS = {
    "a room that is none": lambda client: client.send(5, "x"),
    "a text that is none": lambda client: client.send("#a", b"x"),
    "no text": lambda client: client.send("#a", None),
    "an edit of no number": lambda client: client.edit("#a", "5", "x"),
    "a reply to nothing": lambda client: client.reply("#a", None, "x"),
    "a reaction to less than nothing": lambda client: client.react("#a", -1, "x"),
    "a reaction of a number": lambda client: client.react("#a", 1, 5),
    "a join of nothing": lambda client: client.join(None),
    "a topic of bytes": lambda client: client.topic("#a", b"x"),
    "a page too long": lambda client: client.history("#a", limit=100_000),
    "a page of words": lambda client: client.history("#a", before="x"),
    "a look at words": lambda client: client.look("#a", ["x"]),
    "a read mark in words": lambda client: client.read("#a", "x"),
    "a pin of a half": lambda client: client.pin("#a", 0.5),
    "members of a number": lambda client: client.members(5),
    "a file of a number": lambda client: client.files.put("#a", 5),
    "a file in no room": lambda client: client.files.put(5, "x"),
    "a file called by a number": lambda client: client.files.get("#a", file=5),
    "a place of a number": lambda client: client.files.get("#a", output=5),
    "a file of an event in words": lambda client: client.files.get("#a", seq="x"),
    "a session of words": lambda client: client.account.end_session("x"),
    "a password that is none": lambda client: client.account.passwd(5),
    "any request": lambda client: client.ask(History(id=0, room=5)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_wrong_argument_is_answered_at_the_call_and_the_link_stays(world, enter, call):
    ann = enter("ann", "#a")
    world.advance(1)
    with pytest.raises(ClientError) as refused:
        now(call(ann))
    assert refused.value.code == "bad-argument"
    assert refused.value.text.endswith(".")
    hello = ann.send("#a", "hello")
    world.advance(1)
    assert now(hello).seq == 2

"""History: what was said while one was away, asked for or replayed; and what was removed."""

import pytest

NAME = "My.Little.Server"
ADA, BEA = ":ada!~u@on.chatd", ":bea!~u@on.chatd"
ALL = ("message-tags", "server-time", "batch", "draft/chathistory", "draft/message-redaction", "echo-message")


def texts(lines):
    return [line.split(" :", 2)[-1] for line in lines if " PRIVMSG " in line]


@pytest.fixture
def tea(place):
    """Return Ada, who asks for history, and Bea; m3 to m7 were said in #tea, a moment apart."""
    ada, bea = place.enter("ada", *ALL), place.enter("bea")
    ada.ask("JOIN #tea")
    bea.ask("JOIN #tea")
    for number in range(3, 8):
        bea.ask(f"PRIVMSG #tea :m{number}")
    ada.hear()
    return ada, bea


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("LATEST #tea * 2", "67"),
        ("LATEST #tea msgid=#tea:5 10", "67"),
        ("BEFORE #tea msgid=#tea:5 10", "34"),
        ("BEFORE #tea msgid=#tea:6 2", "45"),
        ("AFTER #tea msgid=#tea:4 2", "56"),
        ("AFTER #tea msgid=#tea:7 2", ""),
        ("AROUND #tea msgid=#tea:5 1", "5"),
        ("AROUND #tea msgid=#tea:5 3", "456"),
        ("BETWEEN #tea msgid=#tea:3 msgid=#tea:7 10", "456"),
        ("BETWEEN #tea msgid=#tea:3 msgid=#tea:7 2", "45"),
        ("BETWEEN #tea msgid=#tea:7 msgid=#tea:3 2", "56"),
        ("LATEST bea * 10", ""),
    ],
)
def test_by_number(tea, asked, said):
    ada, _ = tea
    heard = ada.ask(f"CHATHISTORY {asked}")
    assert texts(heard) == [f"m{number}" for number in said]
    name = heard[0].split()[2][1:]
    assert heard[0].endswith(f"+{name} chathistory {asked.split()[1]}")
    assert heard[-1] == f":{NAME} BATCH -{name}"
    assert all(line.startswith(f"@batch={name};") for line in heard[1:-1])


def test_by_time(tea):
    ada, _ = tea
    times = [line.split("time=")[1][:24] for line in ada.ask("CHATHISTORY LATEST #tea * 10")[1:-1]]
    assert texts(ada.ask(f"CHATHISTORY AFTER #tea timestamp={times[1]} 10")) == ["m5", "m6", "m7"]
    assert texts(ada.ask(f"CHATHISTORY BEFORE #tea timestamp={times[1]} 10")) == ["m3"]
    assert texts(ada.ask(f"CHATHISTORY BETWEEN #tea timestamp={times[3]} timestamp={times[0]} 10")) == [
        "m4",
        "m5",
    ]
    assert texts(ada.ask(f"CHATHISTORY AROUND #tea timestamp={times[2]} 3")) == ["m4", "m5", "m6"]
    assert texts(ada.ask("CHATHISTORY AFTER #tea timestamp=2000-01-01T00:00:00.000Z 1")) == ["m3"]


def test_targets(tea):
    ada, bea = tea
    bea.ask("PRIVMSG ada :psst")
    ada.hear()
    all_time = "timestamp=2000-01-01T00:00:00.000Z timestamp=2030-01-01T00:00:00.000Z"
    heard = ada.ask(f"CHATHISTORY TARGETS {all_time} 10")
    assert [line.split()[-2] for line in heard[1:-1]] == ["#tea", "bea"]
    assert len(ada.ask(f"CHATHISTORY TARGETS {all_time} 1")) == 3
    assert texts(ada.ask("CHATHISTORY LATEST BEA * 10")) == ["psst"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("LATEST #no * 10", "INVALID_TARGET"),
        ("LATEST no * 10", "INVALID_TARGET"),
        ("LATEST #tea *", "NEED_MORE_PARAMS"),
        ("LATEST #tea * x", "INVALID_PARAMS"),
        ("LATEST #tea msgid=#no:1 10", "INVALID_MSGREFTYPE"),
        ("LATEST #tea what=1 10", "INVALID_MSGREFTYPE"),
        ("LATEST #tea timestamp=yesterday 10", "INVALID_PARAMS"),
        ("FOO #tea * 10", "INVALID_PARAMS"),
        ("TARGETS x y 10", "INVALID_PARAMS"),
    ],
)
def test_what_cannot_be_asked(tea, asked, code):
    ada, _ = tea
    (line,) = ada.ask(f"CHATHISTORY {asked}")
    assert line.startswith(f":{NAME} FAIL CHATHISTORY {code} ")


def test_strangers_read_no_history(tea, place):
    eve = place.enter("eve", *ALL)
    (line,) = eve.ask("CHATHISTORY LATEST #tea * 10")
    assert line.startswith(f":{NAME} FAIL CHATHISTORY INVALID_TARGET LATEST #tea ")


def test_redaction(tea):
    ada, bea = tea
    ada.ask("PRIVMSG #tea :oops")
    bea.hear()
    (line,) = ada.ask("REDACT #tea #tea:8 :wrong window")
    assert line.split(" ", 1)[1] == f"{ADA} REDACT #tea #tea:8 :wrong window"
    assert bea.hear() == []
    assert "oops" not in texts(ada.ask("CHATHISTORY LATEST #tea * 10"))
    assert bea.ask("REDACT #tea #tea:99")[0].split()[3] == "UNKNOWN_MSGID"
    assert bea.ask("REDACT #no #tea:3")[0].split()[3] == "INVALID_TARGET"
    ada.ask("PRIVMSG #tea :mine")
    bea.hear()
    assert bea.ask("REDACT #tea #tea:10")[0].split()[3] == "REDACT_FORBIDDEN"


def test_history_shows_edits(tea, place):
    ada, bea = tea
    place.request(bea, "edit", n=6, room="#tea", seq=4, text="edited")
    assert "edited" in texts(ada.ask("CHATHISTORY LATEST #tea * 10"))


# ---- who was away -----------------------------------------------------------------------------------


def test_an_account_stays_and_asks_for_what_it_missed(place):
    place.register("ada")
    bea = place.enter("bea")
    ada = place.enter("ada", *ALL, password="a-password")
    ada.ask("JOIN #tea")
    bea.ask("JOIN #tea", "PRIVMSG #tea :one")
    last = ada.hear()[-1].split("msgid=")[1].split()[0].split(";")[0]
    ada.transport.abortConnection()
    assert bea.ask("PRIVMSG #tea :two", "PRIVMSG ada :psst") == []
    ada = place.connect()
    ada.send(
        "CAP LS 302", "NICK ada", "USER u 0 * :Ada", "CAP REQ :sasl draft/chathistory batch message-tags"
    )
    ada.send("AUTHENTICATE PLAIN", "AUTHENTICATE AGFkYQBhLXBhc3N3b3Jk", "CAP END")
    heard = ada.hear(1)
    assert f"{ADA} JOIN #tea" in heard and texts(heard) == []
    assert texts(ada.ask(f"CHATHISTORY AFTER #tea msgid={last} 10")) == ["two"]


def test_others_are_told_what_they_missed(place):
    place.register("ada")
    bea = place.enter("bea")
    ada = place.enter("ada", password="a-password")
    ada.ask("JOIN #tea")
    bea.ask("JOIN #tea", "PRIVMSG #tea :one")
    ada.transport.abortConnection()
    eve = place.enter("eve")
    eve.ask("JOIN #tea", "PART #tea")
    bea.ask("PRIVMSG #tea :two", "PRIVMSG ada :psst")
    ada = place.connect()
    ada.send("NICK ada", "PASS a-password", "USER u 0 * :Ada")
    heard = ada.hear(1)
    assert texts(heard)[-2:] in (["two", "psst"], ["psst", "two"])
    assert not [line for line in heard if "eve" in line]
    bea.ask("PRIVMSG #tea :three")
    assert texts(ada.hear()) == ["three"]


def test_another_device_of_the_account_hears_the_same(place):
    place.register("ada")
    caps = ("echo-message", "message-tags")
    one = place.enter("ada", *caps, password="a-password")
    other = place.enter("ada", *caps, password="a-password")
    plain = place.enter("ada", password="a-password")
    bea = place.enter("bea")
    assert f"{ADA} JOIN #tea" in one.ask("JOIN #tea")
    assert other.hear()[0] == f"{ADA} JOIN #tea" and plain.hear()[0] == f"{ADA} JOIN #tea"
    one.ask("PRIVMSG #tea :hey", "PRIVMSG bea :psst")
    assert texts(other.hear()) == ["hey", "psst"]
    assert texts(plain.hear()) == ["hey"]
    assert one.ask("NICK adele") == [f"{ADA} NICK adele"]
    assert other.hear() == plain.hear() == [f"{ADA} NICK adele"]
    one.ask("PART #tea")
    assert "PART #tea" in other.hear()[0]
    bea.hear()


def come_back(place, nick="ada"):
    client = place.connect()
    client.send(f"NICK {nick}", "PASS a-password", "USER u 0 * :x")
    return client, texts(client.hear(1))


def pings(heard):
    return [line.removeprefix("PING ") for line in heard if line.startswith("PING ")]


def pong(client, seconds=40):
    """Answer the PING of the server that comes within its time."""
    heard = client.hear(seconds)
    client.send(*[f"PONG {token}" for token in pings(heard)])
    client.hear()
    return heard


@pytest.fixture
def away(place):
    """Return Bea, and Ada, an account, who has no history of her own; both are in #tea."""
    place.register("ada")
    bea = place.enter("bea")
    ada = place.enter("ada", password="a-password")
    ada.ask("JOIN #tea")
    bea.ask("JOIN #tea", "PRIVMSG #tea :one")
    return bea, ada


def test_what_was_told_is_not_told_again(place, away):
    bea, ada = away
    pong(ada)
    ada.transport.abortConnection()
    bea.send("PING x")
    bea.ask("PRIVMSG #tea :two")
    ada, heard = come_back(place)
    assert heard == ["two"]
    pong(ada)
    ada.transport.abortConnection()
    assert come_back(place)[1] == []


def test_what_a_cut_swallows_is_told_again(place, away):
    bea, ada = away
    pong(ada)
    ada.transport.pauseProducing()  # it reads nothing any more
    bea.ask("PRIVMSG #tea :two", "PRIVMSG ada :psst")
    place.advance(1)
    ada.transport.abortConnection()
    assert sorted(come_back(place)[1]) == ["psst", "two"]


def test_a_clean_end_and_a_crash_of_the_daemon_tell_nothing_twice(place, away):
    bea, ada = away
    bea.ask("PRIVMSG #tea :two")
    ada.send("QUIT")
    ada.hear()
    bea.ask("PRIVMSG #tea :three")
    ada, heard = come_back(place)
    assert heard == ["three"]
    pong(ada)
    place.playground.crash_server()
    place.playground.start_server()
    place.advance(1)
    assert come_back(place)[1] == []


def test_what_was_told_a_moment_ago_is_not_told_again_after_a_cut_or_a_crash(place, away):
    bea, ada = away
    pong(ada, 3)
    bea.ask("PRIVMSG #tea :two")
    assert texts(pong(ada, 2.5)) == ["two"]
    ada.transport.abortConnection()
    ada, heard = come_back(place)
    assert heard == []
    bea.ask("PRIVMSG #tea :three")
    assert texts(pong(ada, 2.5)) == ["three"]
    place.playground.crash_server()
    place.playground.start_server()
    place.advance(1)
    assert come_back(place)[1] == []


def test_a_pong_that_takes_its_time_shows_what_it_shows(place, away):
    bea, ada = away
    bea.ask("PRIVMSG #tea :two")
    heard = ada.hear(3)
    bea.ask("PRIVMSG #tea :three")
    more = ada.hear(5)
    assert not pings(more)
    ada.send(*[f"PONG {token}" for token in pings(heard)])
    ada.hear()
    ada.transport.abortConnection()
    assert come_back(place)[1] == ["three"]


def test_nobody_is_asked_what_they_have_while_nothing_is_told(place, away):
    ada = away[1]
    pong(ada, 3)
    assert pings(ada.hear(25)) == []


def test_a_connection_that_is_dead_is_taken_over_by_the_next_of_the_device(place, away):
    bea, ghost = away
    pong(ghost, 3)
    ghost.transport.pauseProducing()  # the network has forgotten it, and tells nobody
    bea.ask("PRIVMSG #tea :two")
    ada = place.connect()
    ada.send("NICK ada", "PASS a-password", "USER ada 0 * :x")
    assert not [line for line in ada.hear(1) if " 001 " in line]
    assert texts(pong(ada, 5)) == ["two"]
    bea.ask("PRIVMSG #tea :three")
    assert texts(pong(ada, 3)) == ["three"]
    assert len([one for one in place.world.nicks["ada"].sessions if one.peer]) == 1
    ada.transport.abortConnection()
    assert come_back(place)[1] == []


def test_two_that_answer_are_two_devices(place, away):
    bea, one = away
    pong(one, 7)
    two = place.connect()
    two.send("NICK ada", "PASS a-password", "USER ada 0 * :x")
    pong(one, 1)
    two.hear(4)
    bea.ask("PRIVMSG #tea :two")
    assert texts(one.hear()) == texts(two.hear()) == ["two"]


def test_each_device_has_cursors_of_its_own(place, away):
    bea, ada = away
    pong(ada)
    phone = place.enter("ada", password="a-password", account="ada@phone")
    pong(phone)
    phone.send("QUIT")
    phone.hear()
    bea.send("PING x")
    bea.ask("PRIVMSG #tea :two")
    pong(ada)
    phone = place.connect()
    phone.send("NICK ada", "PASS ada@phone:a-password", "USER u 0 * :x")
    assert texts(phone.hear(1)) == ["two"]
    ada.send("QUIT")
    ada.hear()
    assert come_back(place)[1] == []


def test_very_much_is_not_told(place, away):
    bea, ada = away
    pong(ada)
    ada.transport.abortConnection()
    bea.send("PING x", *[f"PRIVMSG #tea :n{number}" for number in range(600)])
    bea.hear(5)
    ada = place.connect()
    ada.send("NICK ada", "PASS a-password", "USER u 0 * :x")
    heard = ada.hear(3)
    assert texts(heard)[-1] == "n599" and len(texts(heard)) == 500
    assert any("NOTICE #tea :100 earlier events are not shown" in line for line in heard)


def test_whoever_comes_again_into_a_room_is_told_nothing_from_before(place, away):
    bea, ada = away
    pong(ada)
    ada.ask("PART #tea")
    bea.send("PING x")
    bea.ask("PRIVMSG #tea :two")
    ada.ask("JOIN #tea")
    ada.transport.abortConnection()
    bea.ask("PRIVMSG #tea :three")
    assert come_back(place)[1] == ["three"]


def test_history_with_all_that_happened(place):
    ada = place.enter("ada", *ALL, "draft/event-playback")
    bea = place.enter("bea")
    ada.ask("JOIN #tea")
    bea.ask("JOIN #tea", "PRIVMSG #tea :hey", "TOPIC #tea :green", "PART #tea")
    ada.hear()
    heard = ada.ask("CHATHISTORY LATEST #tea * 10")
    assert [line.split()[2] for line in heard[1:-1]] == ["JOIN", "JOIN", "PRIVMSG", "TOPIC", "PART"]


def test_a_text_that_reads_as_a_batch_is_one(tea):
    ada, bea = tea
    bea.ask("PRIVMSG #tea :a BATCH -b", "PRIVMSG #tea :a BATCH +b")
    ada.hear()
    heard = ada.ask("CHATHISTORY LATEST #tea * 2")
    name = heard[0].split()[2][1:]
    assert texts(heard[1:-1]) == ["a BATCH -b", "a BATCH +b"]
    assert all(line.startswith(f"@batch={name};") for line in heard[1:-1])

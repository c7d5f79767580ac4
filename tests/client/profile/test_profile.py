"""Who we are where, remembered across processes."""

import os
import stat

import apsw
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chatd.client.core.address import parse_address
from chatd.client.core.outbox import Entry
from chatd.client.core.problems import ClientError
from chatd.client.core.proxy import parse_proxy
from chatd.client.core.session import Changes, Elsewhere, Session
from chatd.client.core.trail import Trail
from chatd.client.profile.origins import origin_of
from chatd.client.profile.places import state_folder
from chatd.client.profile.profiles import likely, open_slot
from chatd.wire.messages import File
from tests.examples import examples

HERE = "127.0.0.1:7411"
ELSEWHERE = "example.org"


def place(text):
    return origin_of(parse_address(text))


@pytest.fixture
def take(tmp_path):
    """Return a function that opens slots of one profile; they are closed at the end."""
    slots = []

    def take(nick="", address=HERE, same_as=None):
        other = None if same_as is None else parse_address(same_as)
        folder = tmp_path / "chatd"
        slots.append(open_slot("p", place(address), nick, "login", same_as=other, folder=folder))
        return slots[-1]

    yield take
    for slot in slots:
        slot.close()


def session(nick, server="s1", token=None, number=1):
    return Session(server, number, f"{nick}-{server}" if token is None else token, nick)


def changes(who, last=0, cursors=(), stored=(), deleted=()):
    return Changes(who, last, dict(cursors), tuple(stored), tuple(deleted))


def visit(take, nick, server="s1", address=HERE):
    slot = take(nick, address)
    slot.save(changes(session(nick, server)), cursors=True)
    slot.close()


def test_a_new_profile_is_nobody_but_the_login_name(take):
    remembered = take().remembered()
    assert remembered.session == Session(nick="login")
    assert not remembered.outbox


def test_what_was_saved_is_remembered(take):
    slot = take("ann")
    file = File(name="ü.txt", size=3, sha256="ab" * 32, media="text/plain")
    entries = (
        Entry(1, "#a", "one", act="edit", ref=3),
        Entry(2, "#a", "two\tü", withdrawn=True, file=file, ref=9),
    )
    slot.save(changes(session("ann"), 5, {"#a": (9, "#a"), "@1+2": (3, "@bob")}, entries), cursors=True)
    slot.save(changes(session("ann"), 6, {"#b": (1, "#b"), "#a": (None, "#a")}, (), (1,)), cursors=True)
    slot.close()
    again = take("ann").remembered()
    assert again.session == session("ann")
    assert again.last == 6
    assert again.cursors == {"#b": 1, "@1+2": 3}
    assert again.names["@1+2"] == "@bob"
    assert again.outbox == entries[1:]


def test_cursors_are_saved_only_where_they_are_wanted(take):
    slot = take("ann")
    slot.save(changes(session("ann"), 0, {"#a": (9, "#a")}), cursors=False)
    slot.close()
    assert take("ann").remembered().cursors == {}


def test_two_nicks_on_one_profile_are_two_people(take):
    visit(take, "alice")
    visit(take, "bob")
    assert take("alice").remembered().session.token == "alice-s1"
    assert take("BOB").remembered().session.token == "bob-s1"


def test_without_a_nick_the_last_used_one_there_is_meant(take):
    visit(take, "alice")
    visit(take, "bob")
    visit(take, "carol", "s2", ELSEWHERE)
    assert take().remembered().session.nick == "bob"
    assert take("", ELSEWHERE).remembered().session.nick == "carol"


def test_whoever_ends_last_is_the_one_last_used(take):
    visit(take, "bob")
    alice, bob = take("alice"), take("bob")
    alice.save(changes(session("alice")), cursors=True)
    alice.close()
    assert take().remembered().session.nick == "alice"
    stranger = take("stranger")  # whom no server has taken in
    bob.close()
    stranger.close()
    assert take().remembered().session.nick == "bob"


@pytest.mark.parametrize(
    "other",
    ["127.0.0.1:7412", "127.0.0.2", "localhost", "[::1]", "tls://127.0.0.1:7411", ELSEWHERE, "unix:/s"],
)
def test_a_token_goes_to_its_origin_alone(take, other):
    visit(take, "alice")
    for nick in ("alice", ""):
        stranger = take(nick, other)
        assert stranger.remembered().session.token == ""
        assert stranger.sibling() == ""


@pytest.mark.parametrize(
    ("given", "again"),
    [
        ("Example.org", "tcp://EXAMPLE.org.:7411"),
        ("tls://h", "tls://H:7412/"),
        ("[0:0::1]:7", "[::1]:7"),
        ("unix:/run/s", "unix:/run/s"),
    ],
)
def test_an_origin_that_is_written_in_another_way_is_the_same(take, given, again):
    visit(take, "alice", address=given)
    assert take("alice", again).remembered().session.token == "alice-s1"


def test_this_machine_is_another_one_behind_each_proxy():
    here, there = parse_address("127.0.0.1"), parse_address("example.org")
    first, second = (parse_proxy(f"socks5h://h:{port}") for port in (1, 2))
    assert len({origin_of(here, proxy) for proxy in (None, first, second)}) == 3
    assert origin_of(there, first) == origin_of(there)


def test_an_address_that_the_person_confirms_gets_the_token_from_then_on(take):
    visit(take, "alice")
    take("", ELSEWHERE, same_as=HERE).close()
    slot = take("", ELSEWHERE)
    assert slot.remembered().session.token == "alice-s1"
    slot.close()
    assert take().remembered().session.token == "alice-s1"


def test_who_we_are_elsewhere_is_known(take, tmp_path):
    visit(take, "alice")
    visit(take, "bob", "s2", ELSEWHERE)
    known = take("", "127.0.0.1:9").remembered().elsewhere
    assert known == (Elsewhere("s1", "alice", HERE), Elsewhere("s2", "bob", f"{ELSEWHERE}:7411"))
    assert "--same-as 127.0.0.1:7411" in known[0].way
    assert likely("p", place("[::1]:1"), "", named=False, folder=tmp_path / "chatd") == known[0]
    assert likely("p", place("[::1]:1"), "bob", named=False, folder=tmp_path / "chatd") is None
    assert likely("p", place("[::1]:1"), "bob", named=True, folder=tmp_path / "chatd") == known[1]
    assert likely("p", place(HERE), "", named=True, folder=tmp_path / "chatd") is None
    assert likely("q", place(HERE), "", named=True, folder=tmp_path / "chatd") is None
    assert not (tmp_path / "chatd" / "q.sqlite").exists()


def test_a_token_made_over_tls_goes_to_no_plain_address_even_if_confirmed(take):
    visit(take, "alice", address="tls://h")
    with pytest.raises(ClientError, match="never sent in plain text; use tls://h:7412"):
        take("", "h", same_as="tls://h")
    assert take("", "h").remembered().elsewhere == (Elsewhere("s1", "alice", "tls://h:7412", shown=False),)
    take("", "tls://other", same_as="tls://h").close()
    assert take("alice", "tls://other").remembered().session.token == "alice-s1"


def test_of_one_identity_only_what_was_made_in_plain_text_is_shown_in_plain_text(take):
    visit(take, "alice")
    first = take("", "tls://h", same_as=HERE)
    second = take("", "tls://h")
    assert second.remembered().session.sibling == "alice-s1"
    second.save(changes(session("alice", token="secure", number=2)), cursors=True)
    second.close()
    plain = take("alice")
    found = plain.remembered().session
    assert (found.token, found.sibling) == ("", "alice-s1")
    assert plain.sibling() == "alice-s1"
    first.close()


def test_a_server_that_says_to_be_another_one_joins_nobody_to_it(take):
    visit(take, "alice")
    for _ in range(2):
        slot = take("alice", ELSEWHERE)
        slot.remembered()
        slot.save(changes(session("alice", "s1", token="bait")), cursors=True)
        assert slot.sibling() in {"", "bait"}
        slot.close()
        assert take("alice", ELSEWHERE).remembered().session.sibling in {"", "bait"}
    assert take("alice").remembered().session.token == "alice-s1"


PLACES = ("h", "g", "tls://h", "tls://g")
STEP = st.tuples(
    st.sampled_from(PLACES),
    st.sampled_from(["", "ann"]),
    st.sampled_from([None] * 6 + list(PLACES)),
    st.sampled_from(["s1", "s1", "s2"]),
    st.booleans(),
)


@settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(
    steps=[
        ("g", "", None, "s1", False),
        ("h", "", "g", "s1", False),
        ("h", "", None, "s1", False),
        ("tls://h", "", "h", "s1", False),
        ("h", "", None, "s1", False),
        ("g", "", None, "s1", False),
    ]
)
@given(steps=st.lists(STEP, min_size=2, max_size=12))
def test_whatever_servers_say_a_token_goes_where_it_was_given_or_confirmed(tmp_path_factory, steps):
    """Each origin is a server that may say anything; the person confirms what was asked for with same_as.

    ``confirmed`` are the places of each identity: that where it began, and those of which the person said so.
    """
    folder = tmp_path_factory.mktemp("profile")
    given_at, allowed, confirmed, held = {}, {}, {}, []
    for number, (here, nick, same_as, server, keep) in enumerate(steps):
        origin, other = place(here), None if same_as is None else parse_address(same_as)
        try:
            slot = open_slot("p", origin, nick, "login", same_as=other, folder=folder)
        except ClientError:
            continue
        remembered = slot.remembered().session
        shown = {remembered.token, remembered.sibling, slot.sibling()} - {""}
        places = confirmed.setdefault(slot.identity, {origin.text})
        if same_as is not None:
            places.add(origin.text)
        assert origin.text in places, (slot.identity, confirmed)
        if same_as is not None:
            for places in [places for places in allowed.values() if place(same_as).text in places]:
                places.add(origin.text)
        for token in shown:
            assert origin.text in allowed[token], (token, allowed)
            assert origin.secure or not given_at[token].startswith("tls://")
        fresh = not remembered.token or number % 3 == 0
        token = f"t{number}" if fresh else remembered.token
        if fresh:
            given_at[token] = origin.text
            allowed[token] = set(confirmed[slot.identity]).union(*(allowed[one] for one in shown))
        slot.save(changes(session(nick or remembered.nick, server, token, number)), cursors=True)
        held += [slot] if keep else []
        if not keep:
            slot.close()
    for slot in held:
        slot.close()


def test_a_second_process_is_a_further_device(take):
    first = take("alice")
    first.save(changes(session("alice")), cursors=True)
    second = take("alice")
    found = second.remembered().session
    assert (found.token, found.sibling) == ("", "alice-s1")
    assert second.has_company()
    second.save(changes(session("alice", token="device", number=2)), cursors=True)
    first.close()
    third = take("alice")
    assert third.remembered().session.token == "alice-s1"
    assert second.sibling() == "alice-s1"


def test_a_sibling_that_is_still_connecting_is_seen_when_it_has_its_token(take):
    first, second = take("alice"), take("alice")
    assert second.remembered().session.sibling == ""
    assert second.sibling() == ""
    assert second.has_company()
    first.save(changes(session("alice")), cursors=True)
    assert second.sibling() == "alice-s1"


def test_another_server_at_the_same_address_gets_its_own_identity(take):
    visit(take, "alice")
    slot = take("alice")
    old = slot.remembered()
    assert old.session.token == "alice-s1"
    slot.save(changes(session("alice", "s2")), cursors=True)
    slot.close()
    again = take("alice").remembered().session
    assert (again.server, again.token) == ("s2", "alice-s2")
    assert take("alice").sibling() == "alice-s2"


def test_what_was_typed_for_one_server_stays_with_it(take):
    slot = take("alice")
    slot.save(changes(session("alice"), 0, (), [Entry(1, "#a", "old")]), cursors=True)
    slot.close()
    slot = take("alice")
    slot.remembered()
    slot.save(changes(session("alice", ""), 0, (), [Entry(2, "#a", "new")]), cursors=True)
    slot.save(changes(session("alice", "s2")), cursors=True)
    slot.close()
    assert [entry.text for entry in take("alice").remembered().outbox] == ["new"]


def test_a_server_that_is_back_at_its_address_is_known_again(take):
    visit(take, "alice", "s1")
    visit(take, "alice", "s2")
    slot = take("alice")
    assert slot.remembered().session.server == "s2"
    assert slot.sibling() == "alice-s1"


def test_a_nick_that_another_device_changed_is_not_changed_back(take):
    first = take("alice")
    first.remembered()
    first.save(changes(session("alice")), cursors=True)
    second = take("alice")
    second.remembered()
    second.save(changes(session("alice", token="device")), cursors=True)
    first.save(changes(session("alicia", token="alice-s1")), cursors=True)
    second.save(changes(session("alice", token="device"), 1), cursors=True)
    first.close()
    assert take("alicia").remembered().session.token == "alice-s1"


def test_nobody_else_can_read_it(take, tmp_path):
    take("alice")
    assert stat.S_IMODE((tmp_path / "chatd").stat().st_mode) == 0o700
    for path in (tmp_path / "chatd").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "new\nline"])
def test_a_name_that_is_no_name_is_refused(name, tmp_path):
    with pytest.raises(ClientError, match="cannot name a profile"):
        open_slot(name, place(HERE), "", "login", folder=tmp_path)


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "p.sqlite").write_bytes(b"this is no database, but long enough to look at" * 50)
    with pytest.raises(ClientError, match=r"p\.sqlite is damaged; move it away"):
        open_slot("p", place(HERE), "", "login", folder=tmp_path)


def test_a_file_of_a_newer_version_is_left_alone(take, tmp_path):
    take().close()
    connection = apsw.Connection(str(tmp_path / "chatd" / "p.sqlite"))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ClientError, match="newer chatc"):
        take()


SINCE_TRAILS = (
    "DROP TABLE begun; DROP TABLE pin; DROP TABLE device;"
    " ALTER TABLE outbox DROP COLUMN act; ALTER TABLE outbox DROP COLUMN ref"
)
"""What takes from a file what has come since trails."""


def test_a_file_from_before_there_were_files_is_read_and_brought_up_to_date(take, tmp_path):
    slot = take("ann")
    slot.save(changes(session("ann"), 5, (), [Entry(1, "#a", "one")]), cursors=True)
    slot.close()
    connection = apsw.Connection(str(tmp_path / "chatd" / "p.sqlite"))
    connection.execute("ALTER TABLE outbox DROP COLUMN file; DROP TABLE upload; PRAGMA user_version = 1")
    connection.execute("ALTER TABLE slot DROP COLUMN origin; ALTER TABLE cursor DROP COLUMN place")
    connection.execute(f"ALTER TABLE cursor DROP COLUMN trail; {SINCE_TRAILS}")
    connection.close()
    slot = take("ann")
    assert slot.remembered().outbox == (Entry(1, "#a", "one"),)
    entry = Entry(2, "#a", "", file=File(name="x", size=0, sha256="00" * 32))
    slot.save(changes(session("ann"), 5, (), [entry]), cursors=True)
    assert slot.remembered().outbox[1] == entry


def test_a_file_from_before_tokens_had_origins_binds_them_to_where_they_were_last_used(take, tmp_path):
    visit(take, "alice")
    visit(take, "bob", "s2", "tls://h")
    connection = apsw.Connection(str(tmp_path / "chatd" / "p.sqlite"))
    connection.execute("INSERT INTO address VALUES (1, 'tcp://Example.org:7411', 'example.org', 9)")
    connection.execute(
        "ALTER TABLE slot DROP COLUMN origin; PRAGMA user_version = 2; ALTER TABLE cursor DROP COLUMN place"
    )
    connection.execute(f"ALTER TABLE cursor DROP COLUMN trail; {SINCE_TRAILS}")
    connection.close()
    assert take("alice").remembered().session.token == ""
    assert take("alice", ELSEWHERE).remembered().session.token == "alice-s1"
    assert take("bob", "tls://h").remembered().session.token == "bob-s2"
    with pytest.raises(ClientError, match="never sent in plain text"):
        take("bob", "h", same_as="tls://h")


def test_a_file_from_before_there_were_trails_keeps_its_cursors(take, tmp_path):
    slot = take("ann")
    slot.save(changes(session("ann"), 5, {"#a": (9, "#a")}), cursors=True)
    slot.close()
    connection = apsw.Connection(str(tmp_path / "chatd" / "p.sqlite"))
    connection.execute(f"ALTER TABLE cursor DROP COLUMN trail; {SINCE_TRAILS}; PRAGMA user_version = 4")
    connection.close()
    remembered = take("ann").remembered()
    assert remembered.cursors == {"#a": 9}
    assert not remembered.trails["#a"]


def test_trails_are_remembered_with_their_cursors(take):
    slot = take("ann")
    trail = Trail()
    trail.add(9, "0123abcd")
    saved = replace(changes(session("ann"), 5, {"#a": (9, "#a")}), trails={"#a": trail.pack()})
    slot.save(saved, cursors=True)
    slot.close()
    assert take("ann").remembered().trails["#a"].points(9) == [(9, "0123abcd")]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ClientError, match="cannot be written"):
        open_slot("p", place(HERE), "", "login", folder=tmp_path / "file" / "chatd")


def test_the_folder_follows_the_xdg_rules(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "chatd"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder() == tmp_path / ".local" / "state" / "chatd"


def test_a_slot_is_free_again_when_its_process_dies(take, tmp_path):
    pid = os.fork()
    if pid == 0:
        open_slot("p", place(HERE), "alice", "login", folder=tmp_path / "chatd")
        os._exit(0)
    os.waitpid(pid, 0)
    take("alice")
    assert len(list((tmp_path / "chatd").glob("*.lock"))) == 1


def test_what_was_sent_long_ago_takes_no_room(take, tmp_path):
    slot = take("ann")
    entries = [Entry(key, "#a", "x" * 10_000) for key in range(1, 401)]
    slot.save(changes(session("ann"), stored=entries), cursors=True)
    (path,) = [each for each in (tmp_path / "chatd").rglob("*") if each.read_bytes()[:6] == b"SQLite"]
    slot.save(changes(session("ann"), last=400, deleted=[entry.key for entry in entries]), cursors=True)
    slot.close()
    assert path.stat().st_size < 100_000

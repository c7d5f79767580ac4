"""New names: those of all scripts are had, those that cheat the eye are not, and older ones stay."""

# ruff: noqa: RUF001 - look-alikes are what this is about

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.chat.changes.rows import PutMember, PutRoom, PutSession, PutUser
from chatd.chat.new_names import check_new_nick, check_new_room
from chatd.chat.storage import Snapshot, StoredRoom
from chatd.chat.twins import Twins
from chatd.chat.unicode.skeleton import of_any, skeleton
from chatd.chat.unicode.tables import VERSION
from chatd.chat.world import Terms, World
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.names import fold
from tests.examples import examples
from tests.helpers import come_in, restart

REAL = {
    "Latin": "Zoë_Müller",
    "Latin, Vietnamese": "Nguyễn.Thị.Hằng",
    "Latin, Yoruba": "Ọláyínká",
    "Cyrillic": "Щербаков",
    "Cyrillic, Ukrainian": "Їжакевич-2",
    "Greek": "Ὀδυσσεύς",
    "Armenian": "Հովհաննես",
    "Georgian": "თამარ",
    "Hebrew": "שָׁלוֹם-7",
    "Arabic": "محمد٢",
    "Persian": "نیم\u200cشب",
    "Urdu": "آصفہ_خان",
    "Devanagari": "श्रीकृष्ण",
    "Devanagari beside Latin": "राम_dev",
    "Bengali": "রবীন্দ্রনাথ",
    "Gurmukhi": "ਗੁਰਪ੍ਰੀਤ",
    "Tamil": "தமிழ்ச்செல்வி",
    "Malayalam": "അവന്\u200d",
    "Sinhala": "ශ්\u200dරී",
    "Thai": "สมชาย",
    "Lao": "ສົມສັກ",
    "Tibetan": "བསྟན་འཛིན".replace("་", ""),
    "Myanmar": "အောင်ဆန်း",
    "Myanmar, stacked": "သတ္တိ",
    "Khmer": "សុខា_ខ្មែរ",
    "Ethiopic": "አበበ",
    "Cherokee": "ᏣᎳᎩ",
    "Han": "王小明",
    "Chinese with Bopomofo": "王ㄅㄆ",
    "Japanese": "東京タワーのたろうA1",
    "Katakana": "ハルト",
    "Korean": "김철수",
    "Korean with Han and Latin": "金철수kim",
}
"""Names as people have them, by the script that they are written in."""

REFUSED = {
    "Cyrillic in Latin": ("p\u0430ypal", "mixes letters"),
    "Latin in Cyrillic": ("Пoпов", "mixes letters"),
    "Greek in Latin": ("alph\u03b1", "mixes letters"),
    "Cyrillic and Greek": ("\u0434\u03c0", "mixes letters"),
    "Hangul and Kana": ("김ハ", "mixes letters"),
    "Bopomofo and Kana": ("ㄅハ", "mixes letters"),
    "Cherokee in Latin": ("\u13aalice", "mixes letters"),
    "a filler of Hangul": ("a\u3164b", "cannot be seen"),
    "a filler of Hangul alone": ("\u115f", "cannot be seen"),
    "a grapheme joiner": ("a\u034fb", "cannot be seen"),
    "a variation selector": ("a\ufe0fb", "cannot be seen"),
    "a vowel of Khmer without a form": ("\u1780\u17b4", "cannot be seen"),
    "a blank hieroglyph": ("\U00013000\U00013441", "may not be in it"),
    "a stretched Arabic name": ("محمـد", "cannot be seen"),
    "a mark twice": ("e\u0323\u0323", "twice"),
    "a tower of marks": ("a\u0300\u0301\u0302\u0303\u0304\u0305", "more than 4"),
    "a mark that stacks nothing": ("သတ\u1039", "letter must follow"),
    "a mark that stacks a digit": ("ខ\u17d22", "letter must follow"),
    "digits of two scripts": ("राम1२", "digits"),
    "both directions": ("אdmin", "right to left"),
    "both directions, Latin first": ("adminא", "right to left"),
    "a digit before Hebrew": ("1א", "right to left"),
    "a dash behind Arabic": ("محمد-", "right to left"),
}
"""Names that look like others, or like nothing, with a part of the sentence that says so."""

TWINS = {
    "paypal": "ра\u0443ра\u04c0",
    "scope": "\u0455\u0441\u043e\u0440\u0435",
    "w1": "wl",
    "modern": "modem",
    "Ilya": "llya",
    "aIice": "alice",
    "ALlCE": "ALICE",
    "工口": "エロ",
    "\u03bf\u03bd": "\u043e\u0475",
    "ＡＬl": "ALI",
    "bob": "b0b",
    "olaf": "0laf",
    "В0В": "bob",
}
"""Names that can be taken for each other."""


def refused(nick, check=check_new_nick):
    with pytest.raises(RequestError) as caught:
        check(nick)
    assert caught.value.text.isprintable()
    assert caught.value.text.endswith(".")
    return caught.value


@pytest.mark.parametrize("name", REAL.values(), ids=REAL)
def test_names_of_all_scripts_are_had(name):
    display, key = check_new_nick(name)
    assert display == unicodedata.normalize("NFKC", name)
    assert check_new_nick(key)[1] == key
    assert check_new_room(f"#{name}") == f"#{key}"
    assert check_new_nick(f"{name}2".replace("٢", ""))


@pytest.mark.parametrize(("name", "why"), REFUSED.values(), ids=REFUSED)
def test_names_that_cheat_the_eye_are_not(name, why):
    error = refused(name)
    assert error.code is Code.BAD_NICK
    assert why in error.text
    error = refused(f"#{name}", check_new_room)
    assert error.code is Code.BAD_ROOM
    assert why in error.text


@pytest.mark.parametrize("char", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
@pytest.mark.parametrize("name", ["ab{}cd", "{}abcd", "abcd{}", "א{}ב"])
def test_no_name_has_a_control_of_direction(name, char):
    assert f"U+{ord(char):04X}" in refused(name.format(char)).text or name.startswith("{")


@pytest.mark.parametrize("char", "\u2800\u3000\xa0\xad\u180e\ufeff")
def test_no_name_has_blanks(char):
    refused(f"a{char}b")


def test_the_tables_are_of_one_version_that_the_page_names(pytestconfig):
    assert f"Unicode {VERSION}" in (pytestconfig.rootpath / "docs" / "PROTOCOL.md").read_text()


_CHARS = st.sampled_from(
    [*"aZ01lI-_.mß", *"аоӏЯ", *"οα", *"אב١", *"工エのㄅ김", *"\u0301\u0323\u200d\u0131\u212a\u017f", *"ශ්ර"]
)
_names = st.lists(_CHARS, min_size=1, max_size=8).map("".join) | st.text(min_size=1, max_size=8)


@given(_names)
def test_a_name_that_is_had_is_had_again_in_the_form_that_is_shown(name):
    try:
        display, key = check_new_nick(name)
    except RequestError:
        return
    assert check_new_nick(display) == (display, key)
    assert check_new_nick(key)[1] == key
    assert "\u202e" not in display


@given(st.text(st.characters(max_codepoint=127)))
def test_the_skeleton_of_a_name_in_ascii_is_that_of_any(name):
    assert skeleton(name) == of_any(name)


@given(_names)
def test_a_skeleton_is_its_own(name):
    name = fold(name)
    assert skeleton(skeleton(name)) == skeleton(name)
    assert skeleton(unicodedata.normalize("NFD", name)) == skeleton(name)


def taken(one, other):
    """Return whether ``other`` is refused where ``one`` is had."""
    playground = Playground()
    playground.start_server()
    world = playground.server.hub.world
    world.add_user(one)
    try:
        world.free_nick(other)
    except RequestError as error:
        assert error.code is Code.NICK_TAKEN
        return True
    return False


@settings(max_examples=examples(60), deadline=None)
@given(_names, _names)
def test_twins_are_twins_of_each_other(one, other):
    try:
        check_new_nick(one)
        check_new_nick(other)
    except RequestError:
        return
    assert taken(one, other) == taken(other, one)


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(["w1", "wl", "w2", "paypal"]), st.sampled_from("ab")))
)
def test_what_is_dropped_was_never_there(steps):
    twins, there = Twins(), []
    for put, name, holder in steps:
        if put:
            twins.add(name, holder)
            there.append((name, holder))
        elif (name, holder) in there:
            twins.drop(name, holder)
            there.remove((name, holder))
        for looks in ("w1", "paypal"):
            assert twins.has(looks, "a") == any(skeleton(n) == skeleton(looks) and h == "b" for n, h in there)
    assert len(twins) == len({skeleton(name) for name, _ in there})


@pytest.mark.parametrize(("one", "other"), TWINS.items(), ids=TWINS)
def test_nobody_comes_in_as_the_twin_of_another(one, other):
    playground = Playground()
    playground.start_server()
    come_in(playground, one)
    error = come_in(playground, other).heard[0]
    assert error.code == Code.NICK_TAKEN
    assert "looks like" in error.text
    assert error.suggest
    assert come_in(playground, error.suggest).of(m.Welcome)


def test_nobody_is_renamed_to_the_twin_of_another_but_to_a_variant_of_the_own_nick():
    playground = Playground()
    playground.start_server()
    come_in(playground, "alice")
    ben = come_in(
        playground, "w1", m.Nick(id=1, nick="aIice"), m.Nick(id=2, nick="W1"), m.Nick(id=3, nick="wl")
    )
    assert [(error.id, error.code) for error in ben.of(m.Error)] == [(1, Code.NICK_TAKEN)]
    assert [ok.id for ok in ben.of(m.Ok)] == [2, 3]
    assert come_in(playground, "w1").heard[0].code == Code.NICK_TAKEN


def test_the_nick_of_a_guest_who_left_has_no_twin():
    playground = Playground()
    playground.start_server()
    ann = come_in(playground, "w1")
    ann.say(m.Goodbye(forget=True))
    playground.advance()
    assert come_in(playground, "wl").of(m.Welcome)


def test_no_room_is_made_that_is_the_twin_of_another():
    playground = Playground()
    playground.start_server()
    join = [
        m.Join(id=n, room=room)
        for n, room in enumerate(["#scope", "#\u0455\u0441\u043e\u0440\u0435", "#w1", "#wl"])
    ]
    ann = come_in(playground, "scope", *join)
    assert [(error.id, error.code) for error in ann.of(m.Error)] == [(1, "room-taken"), (3, "room-taken")]
    restart(playground)
    ben = come_in(playground, "ben", m.Join(id=1, room="#WL"), m.Join(id=2, room="#W1"))
    assert [error.id for error in ben.of(m.Error)] == [1]
    assert [ok.room for ok in ben.of(m.Ok)] == ["#w1"]


def test_a_commit_that_fails_takes_the_looks_back():
    playground = Playground()
    playground.start_server()
    ann = come_in(playground, "ann")
    playground.store.failing = OSError("disk full")
    ann.say(m.Join(id=1, room="#w1"), m.Nick(id=2, nick="w1"))
    playground.advance()
    playground.store.failing = None
    playground.advance(60)
    assert [error.code for error in ann.of(m.Error)] == [Code.STORAGE_UNAVAILABLE] * 2
    ben = come_in(playground, "wl", m.Join(id=1, room="#wl"))
    assert ben.of(m.Welcome)
    assert [ok.room for ok in ben.of(m.Ok)] == ["#wl"]


def test_names_of_an_older_folder_are_kept_and_found():
    old = ["p\u0430ypal", "w1", "wl", "אdmin"]
    users = [PutUser(n, nick, fold(nick)) for n, nick in enumerate(old, 1)]
    rooms = [StoredRoom(PutRoom(n, f"#{fold(nick)}", "", 1), 0) for n, nick in enumerate(old, 1)]
    members = [PutMember(n, n, 0) for n in range(1, len(old) + 1)]
    sessions = [PutSession(n, n, b"%d" % n, 0, 1) for n in range(1, len(old) + 1)]
    quota = Playground().start_server().hub.world.terms.quota
    rows = {PutUser: users, PutSession: sessions, PutMember: members}
    world = World(Snapshot("s", rooms, rows), Terms(quota, show_addresses=False))
    for user, nick in zip(world.users.values(), old, strict=True):
        assert world.nicks[fold(nick)] is user
        assert world.free_nick(nick, user)[1] == user.key
        assert world.free_nick(nick.upper(), user)[1] == user.key
        assert world.find_room(world.asker(user), f"#{nick}").name == f"#{user.key}"
        assert world.open_room(world.asker(user), f"#{nick}", 0).name == f"#{user.key}"
    with pytest.raises(RequestError, match="looks like"):
        world.free_nick("\u0440\u0430\u0443\u0440\u0430\u04c0")

"""The line editor: keys, the line, history, completion; whatever is pressed, the cursor stays inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.client.cli.terminal.cells import broken, columns, cut, fit, width
from chatd.client.cli.terminal.completing import Offer, last_word
from chatd.client.cli.terminal.editor import Editor, Submit, Switch, Wish
from chatd.client.cli.terminal.keys import MAX_PASTE, KeyDecoder, Pasted, Pressed, Typed

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
FLAG = "\U0001f1eb\U0001f1f7"


def type_into(editor, *keys):
    """Feed bytes (or text) as a terminal sends them; return the actions."""
    decoder = KeyDecoder()
    actions = []
    for data in keys:
        for key in decoder.feed(data.encode() if isinstance(data, str) else data):
            action = editor.press(key)
            actions += [] if action is None else [action]
    return actions


def typed(*keys, complete=None):
    editor = Editor(complete) if complete else Editor()
    type_into(editor, *keys)
    return editor


def view(editor):
    """Return the line with | for the cursor."""
    cells, cursor = editor.line.cells, editor.line.cursor
    return "".join(cells[:cursor]) + "|" + "".join(cells[cursor:])


# ---- keys -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"abc", [Typed("abc")]),
        (b"a\rb", [Typed("a"), Pressed("enter"), Typed("b")]),
        (b"\x01\x1a\x00", [Pressed("ctrl-a"), Pressed("ctrl-z"), Pressed("ctrl-`")]),
        (b"\x7f\x08\t", [Pressed("backspace"), Pressed("backspace"), Pressed("tab")]),
        (b"\x1b[A\x1bOA", [Pressed("up"), Pressed("up")]),
        (b"\x1b[1;5C\x1b[1;3D", [Pressed("ctrl-right"), Pressed("alt-left")]),
        (b"\x1b[H\x1b[1~\x1b[7~\x1bOH", [Pressed("home")] * 4),
        (b"\x1b[3~\x1b[3;5~", [Pressed("delete"), Pressed("ctrl-delete")]),
        (b"\x1bb\x1bB\x1b\x7f\x1b5", [Pressed(f"alt-{k}") for k in ("b", "b", "backspace", "5")]),
        (b"\x1b\r", [Pressed("alt-enter")]),
        (b"\x1b\x1b[A", [Pressed("up")]),
        (b"\x1b[99~\x1b[?1;2c\x1b[Ix", [Typed("x")]),
        ("é世\U0001f600".encode(), [Typed("é世\U0001f600")]),
        (b"\xff\x80", [Typed("\ufffd\ufffd")]),
        ("\x85x".encode(), [Typed("x")]),
        (b"\x1b[200~a\r\nb\tc\r\n\x1b[201~d", [Pasted("a\nb\tc"), Typed("d")]),
        (b"\x1b[200~\x1b[31mred\x00\x1b[201~", [Pasted("[31mred")]),
        (b"\x1b[200~\r\n\x1b[201~", []),
    ],
)
def test_bytes_become_keys_however_they_are_split(data, keys):
    whole = KeyDecoder().feed(data)
    decoder = KeyDecoder()
    dribbled = [key for i in range(len(data)) for key in decoder.feed(data[i : i + 1])]
    assert whole == keys
    assert _joined(dribbled) == keys


def _joined(keys):
    joined = []
    for key in keys:
        if isinstance(key, Typed) and joined and isinstance(joined[-1], Typed):
            joined[-1] = Typed(joined[-1].text + key.text)
        else:
            joined.append(key)
    return joined


def test_half_an_escape_sequence_waits_and_nonsense_is_let_go():
    decoder = KeyDecoder()
    assert decoder.feed(b"\x1b") == []
    assert decoder.feed(b"[") == []
    assert decoder.feed(b"D") == [Pressed("left")]
    assert decoder.feed(b"\x1b[" + b"1;" * 40) == []
    assert decoder.feed(b"x") == [Typed("x")]


def test_a_paste_is_bounded():
    decoder = KeyDecoder()
    decoder.feed(b"\x1b[200~")
    for _ in range(5):
        decoder.feed(b"x" * (MAX_PASTE // 2))
    (pasted,) = decoder.feed(b"\x1b[201~")
    assert len(pasted.text) == MAX_PASTE


@given(st.lists(st.binary(max_size=12), max_size=8))
def test_no_bytes_break_the_decoder(pieces):
    decoder = KeyDecoder()
    for piece in pieces:
        for key in decoder.feed(piece):
            assert not isinstance(key, Typed) or key.text.isprintable() or key.text


# ---- cells ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cells", "taken"),
    [
        ("abc", ["a", "b", "c"], 3),
        ("世界", ["世", "界"], 4),
        ("e\u0301x", ["e\u0301", "x"], 2),
        ("\u0301x", ["\u0301", "x"], 2),
        (FAMILY + "x", [FAMILY, "x"], 3),
        (FLAG * 2, [FLAG, FLAG], 4),
        ("👍🏽", ["👍🏽"], 2),
        ("a\nb\tc", ["a", "\n", "b", "\t", "c"], 5),
        ("\n\u0301", ["\n", "\u0301"], 2),
    ],
)
def test_text_is_cut_into_what_people_see(text, cells, taken):
    assert cut(text) == cells
    assert columns(cells) == taken


@pytest.mark.parametrize(
    ("text", "limit", "row"),
    [
        ("hello", 5, "hello"),
        ("hello", 4, "hel…"),
        ("世界世", 5, "世界…"),
        ("世界世", 4, "世…"),
        ("a\nb", 9, "a⏎b"),
        ("x", 0, ""),
    ],
)
def test_a_row_fits(text, limit, row):
    assert fit(text, limit) == row


@given(st.text(), st.integers(0, 30))
def test_no_row_is_wider_than_it_may_be(text, limit):
    assert columns(cut(fit(text, limit))) <= limit


@pytest.mark.parametrize(
    ("line", "limit", "rows"),
    [
        ("12:00 #a <b> one two three", 20, "12:00 #a <b> one two\n      three"),
        ("12:00 #a <b> one two three", 19, "12:00 #a <b> one\n      two three"),
        ("short", 20, "short"),
        ("", 20, ""),
        ("word " + "x" * 30 + " end", 12, "word " + "x" * 30 + "\n      end"),
        ("世界 世界 世界", 10, "世界 世界\n      世界"),
    ],
)
def test_lines_are_broken_between_words(line, limit, rows):
    assert broken(line, limit) == rows


@given(st.text(alphabet="ab 世"), st.integers(8, 40))
def test_breaking_loses_no_word(line, limit):
    assert broken(line, limit).split() == line.split()


# ---- the line ---------------------------------------------------------------------------------------------

LEFT, RIGHT, HOME, END, DELETE = "\x1b[D", "\x1b[C", "\x1b[H", "\x1b[F", "\x1b[3~"


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        (["hello"], "hello|"),
        (["hello", LEFT, LEFT, "X"], "helX|lo"),
        (["hello", HOME, RIGHT, DELETE], "h|llo"),
        (["hello", "\x01", "\x06", "\x04"], "h|llo"),
        (["hello", "\x01", "\x05", "\x02", "\x7f"], "hel|o"),
        (["one two.three", "\x17"], "one |"),
        (["one two.three", "\x1b\x7f"], "one two.|"),
        (["one two three", "\x1bb", "\x1bb"], "one |two three"),
        (["one two three", "\x01", "\x1bf", "\x1bf"], "one two| three"),
        (["one two three", "\x01", "\x1bd", "\x1bd", "\x05", "\x19"], " threeone two|"),
        (["one two", "\x1b[1;5D", "\x15", "\x05", "\x19"], "twoone |"),
        (["one two", "\x1b[1;5D", "\x0b", "\x01", "\x19"], "two|one "),
        (["one two three", "\x17", "\x17", "\x19"], "one two three|"),
        (["ab", "\x14"], "ba|"),
        (["abc", LEFT, LEFT, "\x14"], "ba|c"),
        (["a", "\x14"], "a|"),
        (["世界", LEFT, "\x7f"], "|界"),
        (["e", "\u0301", "x", LEFT, "\x7f"], "|x"),
        ([FAMILY, "x", LEFT, LEFT], f"|{FAMILY}x"),
        (["ab", LEFT, "\u0301"], "a\u0301|b"),
        (["a", "\x1b\r", "b"], "a\nb|"),
        (["x", "\x1b[200~1\n2\x1b[201~", "y"], "x1\n2y|"),
        (["keep", "\x1b[20~", "\x07", "\x1b[Z"], "keep|"),
    ],
)
def test_keys_edit_the_line(keys, shown):
    assert view(typed(*keys)) == shown


def test_enter_hands_the_line_over_and_a_paste_is_one_message():
    editor = Editor()
    assert type_into(editor, "\x1b[200~one\ntwo\n\x1b[201~", "\r") == [Submit("one\ntwo")]
    assert editor.text == ""


def test_control_c_drops_the_line_but_not_for_ever_and_then_asks_to_end():
    editor = Editor()
    assert type_into(editor, "precious", "\x03") == []
    assert editor.text == ""
    assert type_into(editor, "\x1b[A") == []
    assert editor.text == "precious"
    assert type_into(editor, "\x15", "\x03") == [Wish.INTERRUPT]


def test_control_d_deletes_or_ends():
    editor = Editor()
    assert type_into(editor, "ab", "\x01", "\x04") == []
    assert editor.text == "b"
    assert type_into(editor, "\x04", "\x04") == [Wish.END]


@pytest.mark.parametrize(
    ("key", "action"),
    [("\x1a", Wish.SUSPEND), ("\x0c", Wish.REDRAW), ("\x1b1", Switch(1)), ("\x1b0", Switch(10))],
)
def test_what_is_left_to_others(key, action):
    assert type_into(Editor(), key) == [action]


# ---- history ----------------------------------------------------------------------------------------------

UP, DOWN = "\x1b[A", "\x1b[B"


def test_the_arrows_walk_through_history_and_bring_the_draft_back():
    editor = typed("one\r", "two\r", "two\r", "draft")
    steps = []
    for key in (UP, UP, UP, DOWN, DOWN, DOWN):
        type_into(editor, key)
        steps.append(editor.text)
    assert steps == ["two", "one", "one", "two", "draft", "draft"]


def test_an_old_line_can_be_changed_and_sent_again():
    editor = typed("hello\r", UP)
    assert type_into(editor, " you\r") == [Submit("hello you")]
    assert type_into(editor, UP, UP) == []
    assert editor.text == "hello"


# ---- completion -------------------------------------------------------------------------------------------


def nicks(before):
    word = last_word(before)
    end = ": " if word == before else " "
    return Offer(word, [f"{nick}{end}" for nick in ("ada", "adele", "bob") if nick.startswith(word)])


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        (["b\t"], "bob: |"),
        (["hi b\t"], "hi bob |"),
        (["a\t"], "ada: |"),
        (["a\t\t"], "adele: |"),
        (["a\t\t\t"], "a|"),
        (["a\t\t\t\t"], "ada: |"),
        (["a\t", "x\t"], "ada: x|"),
        (["zz\t"], "zz|"),
        (["tail", "\x01", "b\t"], "bob: |tail"),
    ],
)
def test_tab_completes_and_goes_around(keys, shown):
    assert view(typed(*keys, complete=nicks)) == shown


def folders(before):
    return Offer(before, {"d": ["docs/"], "docs/": ["docs/a ", "docs/b "]}.get(before, []))


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        (["d\t"], "docs/|"),
        (["d\t\t"], "docs/a |"),
        (["d\t\t\t"], "docs/b |"),
        (["d\t\t\t\t"], "docs/|"),
        (["x\t\t"], "x|"),
    ],
)
def test_tab_goes_on_into_the_only_folder(keys, shown):
    assert view(typed(*keys, complete=folders)) == shown


# ---- whatever is pressed ----------------------------------------------------------------------------------

NAMES = [
    *(f"ctrl-{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"),
    *(f"alt-{letter}" for letter in "bdfxy"),
    *("left", "right", "up", "down", "home", "end", "delete", "backspace", "enter", "tab", "alt-enter"),
    *("ctrl-left", "ctrl-right", "alt-backspace", "ctrl-delete", "shift-tab", "page-up"),
]
TEXTS = st.text(
    alphabet=st.sampled_from(["a", "b", " ", "世", "\u0301", "\u200d", "👩", "🇫", "🏽", "ㅎ"]), min_size=1
)
KEYS = st.one_of(
    TEXTS.map(Typed), TEXTS.map(lambda t: Pasted(t + "\nx")), st.sampled_from(NAMES).map(Pressed)
)


@given(st.lists(KEYS, max_size=60))
def test_the_cursor_never_leaves_the_line(keys):
    editor = Editor(nicks)
    for key in keys:
        before, line = editor.text, editor.line
        action = editor.press(key)
        assert 0 <= editor.line.cursor <= len(editor.line.cells)
        assert all(editor.line.cells)
        assert all(width(cell) in (1, 2) for cell in editor.line.cells)
        if isinstance(action, Submit):
            assert action.text == before
            assert editor.text == ""
        if isinstance(key, Typed) and editor.line is line:
            assert len(editor.text) == len(before) + len(key.text)

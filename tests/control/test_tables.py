"""Tables fit the terminal, whatever names people give themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.control.cli import looks
from chatd.control.cli.tables import Column, cells, cut, table, wrapped
from chatd.control.cli.words import duration, rate, size
from chatd.control.rows import Connected, RoomRow

NAMES = ["ann", "Ben", "名前のとても長い人がここにいます", "\x1b[31mred", "a" * 64, "שלום"]


def people():
    return [
        Connected(
            connection=number,
            address=f"[2001:db8:1234:5678:9abc:def0:1234:{number}]:50412",
            state="live" if number else "welcoming",
            since=10.0**number,
            silence=0.4,
            bytes_in=7**number,
            bytes_out=11**number,
            nick=nick,
            account=number % 2 == 0,
            session=number,
            relay="10.0.0.5" if number == 2 else "",
            listener="tcp6:7412",
            protocol="native",
            software="chatc/0.1.0",
            tls="TLSv1.3",
            round_trip=0.0123,
            lag=3 * number,
            rooms=number,
            held="asks too much" if number == 3 else "",
        )
        for number, nick in enumerate(NAMES)
    ]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_who_fits(width):
    lines = list(table(looks.WHO, people(), width))
    assert len(lines) == 1 + len(NAMES)
    assert max(map(cells, lines)) <= width
    assert all(title in lines[0].split() for title in ("conn", "nick", "address", "lag"))
    assert "2001:db8:1234:5678:9abc:def0:1234:5]:50412" in lines[-1]
    assert not any("\x1b" in line for line in lines)


def test_wide_enough_for_everything():
    lines = list(table(looks.WHO, people(), None))
    assert "…" not in "".join(lines)
    assert all(column.title in lines[0] for column in looks.WHO)


def test_rooms_fit():
    rows = [
        RoomRow(
            room=f"#{name}", kind="public", members=5, followers=3, head=9**9, first=1, recent=9, rate=0.25
        )
        for name in NAMES
    ]
    assert max(map(cells, table(looks.ROOMS, rows, 80))) <= 80


@given(
    st.lists(st.lists(st.text(max_size=40), min_size=4, max_size=4), min_size=1, max_size=5),
    st.integers(20, 100),
)
def test_any_texts_fit(rows, width):
    columns = [
        Column(title, lambda row, at=at: row[at], at, right=at == 3, least=least)
        for at, (title, least) in enumerate([("a", 4), ("bb", 4), ("ccc", 4), ("d", 3)])
    ]
    lines = list(table(columns, rows, width))
    assert len(lines) == len(rows) + 1
    assert all(cells(line) <= width for line in lines)


def test_what_is_free_at_the_end_goes_to_what_matters_most():
    columns = [
        Column("little", lambda row: row[0], 1),
        Column("wide", lambda row: row[1], 2),
        Column("long", lambda row: row[2], 3, least=5),
    ]
    rows = [("x", "w" * 30, "y" * 20)]
    assert list(table(columns, rows, 30)) == ["little  long", "x       " + "y" * 20]


def test_a_name_is_hardly_cut_where_what_matters_little_is_left_out():
    name = "#a-room-with-a-rather-long-name"
    rows = [
        RoomRow(
            room=name,
            kind="public",
            members=5,
            followers=3,
            head=99,
            first=1,
            recent=9,
            rate=0.25,
            bytes=6451,
        )
    ]
    head, row = table(looks.ROOMS, rows, 80)
    assert row.startswith(name[:25])
    assert "on disk" in head
    assert "recent" not in head
    head, row = table(looks.ROOMS, rows, 120)
    assert row.startswith(name + " ")
    assert "recent" in head


@given(st.text(max_size=200), st.integers(20, 100))
def test_a_wrapped_text_fits_and_says_the_same(text, width):
    lines = wrapped(text, width)
    assert all(len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_no_number_is_parted_from_its_unit():
    text = "x" * 20 + " longest 17 ms, 12 KiB, 99 % within 3 min 05 s"
    for width in range(20, 60):
        for line in wrapped(text, width):
            assert line[-1:].isdecimal() is False
            assert line.split()[0] not in ("ms", "KiB,", "%", "s", "min")


@given(st.text(), st.integers(1, 20))
def test_a_cut_text_is_short(text, most):
    assert cells(cut(text, most)) <= most


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (size(0), "0 B"),
        (size(1023), "1023 B"),
        (size(1536), "1.5 KiB"),
        (size(10 << 30), "10 GiB"),
        (size(None), ""),
        (duration(0.0123), "12 ms"),
        (duration(3), "3.0 s"),
        (duration(59.4), "59 s"),
        (duration(61), "1 min 01 s"),
        (duration(7300), "2 h 01 min"),
        (duration(200_000), "2 d 07 h"),
        (duration(None), ""),
        (rate(0), "0"),
        (rate(0.256), "0.26"),
        (rate(3.14), "3.1"),
        (rate(1234.5), "1234"),
    ],
)
def test_numbers_in_words(made, words):
    assert made == words

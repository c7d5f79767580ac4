"""Colours of nicks: the same ones for ever, to be read on any ground, and none where none are wanted."""

import re

import pytest

from chatd.client.cli.colours import EIGHT, MANY, SIXTEEN, colour_of, decorated, palette

COUNTS = {"xterm-256color": 256, "xterm": 8, "linux": 8, "vt100": -1}

STEPS = (0, 95, 135, 175, 215, 255)


def luminance(code):
    """Return the relative luminance (WCAG 2.1) of a colour of the cube of 6 by 6 by 6."""
    place = int(code.removeprefix("38;5;")) - 16
    shares = [STEPS[n] / 255 for n in (place // 36, place // 6 % 6, place % 6)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_nicks_can_be_read_on_white_and_on_black():
    for code in MANY:
        light = luminance(code)
        assert min(1.05 / (light + 0.05), (light + 0.05) / 0.05) >= 3.8, code


def test_the_colour_of_a_nick_never_changes():
    colours = [colour_of(nick, MANY) for nick in ("ann", "Ann", "ben", "eva")]
    assert colours == ["38;5;162", "38;5;162", "38;5;63", "38;5;164"]
    assert len({colour_of(f"nick{n}", MANY) for n in range(200)}) == len(MANY)


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"TERM": "xterm-256color"}, MANY),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, ()),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, MANY),
        ({"TERM": "xterm"}, EIGHT),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, MANY),
        ({"TERM": "vt100"}, ()),
        ({"TERM": "linux"}, EIGHT),
        ({"TERM": "unheard-of"}, SIXTEEN),
        ({"TERM": "unheard-of-256color"}, MANY),
    ],
)
def test_a_terminal_gets_the_colours_that_it_has(environment, colours):
    assert palette(environment, COUNTS.get) == colours


def test_without_colours_only_what_mentions_us_stands_out():
    line = "12:00 #tea 3 <ben> hi"
    assert decorated(line, "ben", (), number=3) == line
    assert decorated(line, "ben", (), number=3, loud=True) == f"\x1b[1m{line}\x1b[0m"
    assert "\x1b[2m3\x1b[0m <\x1b[38;5;" in decorated(line, "ben", MANY, number=3)
    assert re.sub("\x1b\\[[0-9;]*m", "", decorated(line, "ben", MANY, number=3)) == line

"""Names that need a joiner: allowed where RFC 5892 allows it, and the same as without."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.names import check_nick, check_room
from chatd.client.core.rooms import Rooms
from chatd.client.core.seen import Seen
from chatd.wire.errors import Code, RequestError
from chatd.wire.names import JOINERS, fold, stray_joiner, without_joiners

NEEDED = {
    "Sinhala, sri": "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
    "Sinhala, prabha": "\u0db4\u0dca\u200d\u0dbb\u0db7\u0dcf",
    "Persian, nim-shab": "\u0646\u06cc\u0645\u200c\u0634\u0628",
    "Persian, mi-khaham": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "Persian, with a mark before": "\u0646\u06cc\u0645\u0650\u200c\u0634\u0628",
    "Malayalam, a chillu at the end": "\u0d05\u0d35\u0d28\u0d4d\u200d",
    "Malayalam, a chillu within": "\u0d05\u0d28\u0d4d\u200d\u0d35\u0d30\u0d4d\u200d",
    "Malayalam, a visible virama": "\u0d24\u0d2e\u0d3f\u0d34\u0d4d\u200c\u0d28\u0d3e\u0d1f\u0d4d",
    "Hindi, a half letter": "\u0915\u094d\u200d\u0937",
    "Kannada": "\u0cb0\u0ccd\u200d\u0c95",
    "with Latin beside": "x_\u0dc1\u0dca\u200d\u0dbb\u0dd3-1",
}
"""Names as they are written, with the joiners that they cannot be written without."""

NOT_NEEDED = {
    "Latin": "ad\u200dmin",
    "Latin, not joined": "ad\u200cmin",
    "first": "\u200d\u0dc1\u0dca\u0dbb",
    "alone": "\u200c",
    "last, behind Latin": "admin\u200d",
    "Persian, behind a letter that joins nothing": "\u0627\u200c\u0628",
    "Persian, last": "\u0646\u06cc\u0645\u200c",
    "Persian, joined": "\u0646\u06cc\u0645\u200d\u0634\u0628",
    "Persian, before a digit": "\u0646\u06cc\u0645\u200c2",
    "twice": "\u0646\u06cc\u0645\u200c\u200c\u0634\u0628",
    "twice, joined": "\u0dc1\u0dca\u200d\u200d\u0dbb",
    "Sinhala, behind no virama": "\u0dc1\u200d\u0dbb",
    "another character that nobody sees": "\u0dc1\u0dca\u200b\u0dbb",
    "no space, no break": "\u0dc1\u0dca\u2060\u0dbb",
    "emoji": "\U0001f469\u200d\U0001f467",
    "digits": "1\u200d2",
    "Tangut, which has no names for its letters": "\U00017000\u200c\U00017001",
}
"""Names with a joiner where no letter needs it: who sees them sees another name."""


@pytest.mark.parametrize("name", NEEDED.values(), ids=NEEDED)
def test_a_name_has_the_joiners_that_it_needs(name):
    display, key = check_nick(name)
    assert display == unicodedata.normalize("NFKC", name)
    assert key == check_nick(without_joiners(name))[1]
    assert check_room(f"#{name}") == check_room(f"#{without_joiners(name)}") == f"#{key}"


@pytest.mark.parametrize("name", NOT_NEEDED.values(), ids=NOT_NEEDED)
def test_elsewhere_a_joiner_is_refused(name):
    for check, code in ((check_nick, Code.BAD_NICK), (lambda n: check_room(f"#{n}"), Code.BAD_ROOM)):
        with pytest.raises(RequestError) as refused:
            check(name)
        assert refused.value.code is code
        assert refused.value.text.isprintable()


def test_the_refusal_says_what_the_matter_is():
    with pytest.raises(RequestError, match=r"U\+200D may only stand between letters that need it"):
        check_nick("ad\u200dmin")


_PARTS = st.sampled_from(
    [
        *JOINERS,
        *"aZß-_.1İ\u1e9e\u0301\u0345",
        *"\u0dc1\u0dca\u0dbb\u0dd3",
        *"\u0646\u06cc\u0645\u0634\u0650\u0627\ufeed",
        *"\u0d05\u0d28\u0d4d\u0d7b",
        *"\u0915\u094d\u0937\uac00\u1100\u1161",
    ]
)
_names = st.lists(_PARTS, max_size=12).map("".join) | st.text(max_size=12)


@given(_names)
def test_the_comparison_form_is_its_own(name):
    assert fold(fold(name)) == fold(name)


@given(_names)
def test_joiners_make_no_other_name(name):
    assert fold(name) == fold(without_joiners(name))
    assert not set(JOINERS) & set(fold(name))


@given(_names)
def test_both_sides_compare_alike(name):
    try:
        display, key = check_nick(name)
    except RequestError:
        return
    assert fold(display) == fold(name) == key
    assert check_nick(display) == (display, key)
    assert check_nick(key)[1] == key
    assert stray_joiner(display) is None
    assert Rooms(Seen({f"#{key}": 7}), {}, []).cursor(f"#{name}") == 7


@given(st.text(alphabet=_PARTS, max_size=2000))
def test_any_text_can_be_asked_for_stray_joiners(text):
    assert stray_joiner(text) is None or text[stray_joiner(text)] in JOINERS


@pytest.mark.parametrize("nick", ["", "x" * 40, "(x", "a b", "a\u200d", "a/b"])
def test_a_sentence_about_a_name_ends_with_one_dot(nick):
    with pytest.raises(RequestError) as refused:
        check_nick(nick)
    assert refused.value.text.endswith(".")
    assert not refused.value.text.endswith("..")

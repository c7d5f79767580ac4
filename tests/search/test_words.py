"""What people look for is found, in any script, and nothing else is."""
# ruff: noqa: RUF001 - letters that look like others are the point

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd.search.letters import normal
from chatd.search.query import parse
from chatd.search.said import Said, holds, means
from chatd.search.words import Words, indexed, terms_in

SAMPLES = {
    "Latin": "Straße café Đường Łódź œuvre ﬁnd ＡＢＣ１２３ İstanbul ısı naïve",
    "signs": "c++ c# node.js don't e-mail #42 @ann foo_bar",
    "Greek": "Καλημέρα κόσμε, τι κάνεις; Οδυσσεύς",
    "Cyrillic": "ещё раз: ёлка м'ята м’ята Їжак",
    "Hebrew": "שָׁלוֹם עולם צה״ל בית־ספר",
    "Arabic": "السَّلَامُ عَلَيْكُمْ كـــتاب ١٢٣",
    "Devanagari": "नमस्ते दुनिया हिन्दी",
    "Han": "我们明天去北京大学看朋友，然后吃饭。",
    "Kana": "わたしはカタカナをガギグと書きます。ﾊﾟﾋﾟﾌﾟ々ー",
    "Hangul": "서울에서 친구를 만났어요 ㅋㅋㅋ",
    "Thai": "สวัสดีครับ วันนี้อากาศดี ๑๒๓",
    "Khmer": "សួស្តី\u200bពិភពលោក",
    "Myanmar": "မင်္ဂလာပါ ကမ္ဘာလောက",
    "Lao": "ສະບາຍດີ ຊາວໂລກ",
    "emoji": "😀 👍🏽 👨\u200d👩\u200d👧 🇩🇪🇫🇷 ❤\ufe0f 1\ufe0f\u20e3 €5 ☺",
}

alphabet = st.sampled_from(
    [*"".join(SAMPLES.values()), *string.ascii_lowercase[:4], *" \n\u0301-_.'+#@:/,\""]
)
texts = st.text(alphabet, max_size=40)


def finds(text, word):
    """Return whether ``word`` finds ``text``, and see that the index would not miss it."""
    query, said = parse(f'"{word}"'), Said("ann", 0, text)
    found = means(query, said)
    assert not found or holds(said.terms(), query)
    return found


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("我们明天去北京大学看朋友", "北京"),
        ("我们明天去北京大学看朋友", "学"),
        ("我们明天去北京大学看朋友", "北京大学"),
        ("わたしはカタカナをよみます", "カタカナ"),
        ("わたしはカタカナをよみます", "カナ"),
        ("สวัสดีครับวันนี้อากาศดี", "อากาศ"),
        ("東京へ行きました", "東京"),
        ("서울에서 만나요", "서울"),
        ("un café noir", "cafe"),
        ("un cafe\u0301 noir", "café"),
        ("un café noir", "cafe\u0301"),
        ("un cafe noir", "café"),
        ("die Straße", "strasse"),
        ("die STRASSE", "straße"),
        ("\ufb01nd it", "find"),
        ("ＡＢＣ１２３", "abc123"),
        ("abc123", "ＡＢＣ１２３"),
        ("السَّلَامُ عليكم", "السلام"),
        ("السلام عليكم", "السَّلَامُ"),
        ("שָׁלוֹם", "שלום"),
        ("шла ещё", "еще"),
        ("Đường phố", "duong"),
        ("good 😀 morning", "😀"),
        ("good😀morning", "😀"),
        ("ok 👍🏽", "👍"),
        ("send an e-mail", "email"),
        ("send an e-mail", "e-mail"),
        ("send an email", "e-mail"),
        ("I don't", "dont"),
        ("I don’t", "don't"),
        ("I dont", "don't"),
        ("I like c++, really", "c++"),
        ("I like C#.", "c#"),
        ("see #42!", "#42"),
        ("hi @ann: look", "@ann"),
        ("with node.js now", "node.js"),
        ("set foo_bar = 1", "foo_bar"),
        ("www.example.com/a", "example.com"),
        ("write to ann@example.org", "ann@example.org"),
        ("write to ann@example.org", "example.org"),
        ("jack-in-the-box", "in-the"),
        ("søster æble þing", "soster"),
        ("søster æble þing", "aeble"),
        ("बच्चे हिन्दी पढ़ते", "हिन्दी"),
        ("١٢٣", "123"),
        ("कल १२ बजे", "12"),
        ("see my e-mail, isn't it there", "email isnt"),
    ],
)
def test_what_people_look_for_is_found(text, word):
    assert finds(text, word)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("grade c", "c++"),
        ("I like c++", "c"),
        ("I like c#", "c++"),
        ("42 of them", "#42"),
        ("see #42", "42"),
        ("ann was here", "@ann"),
        ("hi @ann", "ann"),
        ("node, js", "node.js"),
        ("node js", "node.js"),
        ("foo bar", "foo_bar"),
        ("foo.bar", "foo_bar"),
        ("hellos", "hello"),
        ("中 文", "中文"),
        ("AB BC 北京 京大", "北京大"),
        ("one three two", "one two"),
        ("naïvety", "naive"),
    ],
)
def test_what_only_looks_alike_is_not_found(text, word):
    assert not finds(text, word)


@pytest.mark.parametrize("script", SAMPLES)
def test_every_word_of_every_script_finds_its_text(script):
    text = SAMPLES[script]
    for word in [*text.split(), text, text.upper(), text.lower(), *Words(text).parts]:
        if Words(word).parts and '"' not in word:
            assert finds(text, word), word


@given(texts, texts, texts)
@example("a-", "b", "-c")
def test_a_text_is_found_by_what_stands_in_it(before, word, after):
    """Whatever is around it, as long as that is apart from it."""
    if Words(word).parts and '"' not in word:
        assert finds(f"{before} {word} {after}", word)


@given(texts, texts)
def test_the_index_misses_nothing_that_the_check_would_find(text, word):
    if Words(word).parts and '"' not in word:
        finds(text, word)


@given(texts)
def test_terms_are_what_the_parts_make_of_it(text):
    words = Words(text)
    pairs = {
        one + two
        for one, two, joint, run in zip(
            words.parts, words.parts[1:], words.joints[1:], words.runs, strict=False
        )
        if run and Words(two).runs == [True] and not joint
    }
    plain = [part.strip("@#+") for part in words.parts]
    melted = " ".join(word for _, _, word in words.melted)
    for sign in "@#+":
        melted = melted.replace(sign, " ")
    assert words.terms() == {*plain, *melted.split(), *pairs}


SIGNED = st.text(st.sampled_from("ab1Zéя中😀\u0301€¡+#@.-_'/ \n"), max_size=30)


@given(st.one_of(st.text(st.sampled_from("ab1Z+#@.-_'/ \n"), max_size=30), SIGNED, texts))
@example("#a-b'c++-d")
@example("x’-é-é-_y")
def test_the_quick_way_to_the_terms_leads_to_the_same(text):
    assert terms_in(indexed(text)) == Words(text).terms()


@given(texts)
def test_what_is_normal_stays_so(text):
    once = normal(text)
    assert normal(once) == once


@given(st.text())
def test_any_text_has_terms_that_the_index_keeps_apart(text):
    """They hold no blank, nor a quotation mark, nor a character that ends a term."""
    for term in Said("a", 0, text, "b").terms():
        assert not set(term) & set(" \t\n\r\0\"'"), term
        assert all(char.isalnum() for char in term if char.isascii())


def test_the_work_for_a_long_text_grows_with_its_length():
    for text in ("a-" * 8000, "a." * 8000, "_" * 16000, "+" * 16000, "'" * 16000, "中" * 5000, "@" * 16000):
        words = Words(text)
        assert sum(map(len, words.terms())) <= 2 * len(text)
        assert not words.has(Words("a-b"))

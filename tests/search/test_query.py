"""Queries: what each filter means, and one clear sentence for each that cannot be answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.search.moments import moment
from chatd.search.query import QueryError, parse
from chatd.search.said import Said, holds, means

NOON = 1796040000_000  # 2026-11-30T12:00Z

SAID = Said("Änn", NOON, "see the plan at https://example.com/x", "Übersicht 2026.pdf")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("plan", True),
        ("plan see", True),
        ("plan missing", False),
        ('"the plan"', True),
        ("“the plan”", True),
        ('"plan the"', False),
        ("from:änn", True),
        ("FROM:@ÄNN plan", True),
        ("from:ben", False),
        ("from:ben from:änn", True),
        ("has:file", True),
        ("has:links", True),
        ("has:file has:link plan", True),
        ("ubersicht", True),
        ("2026.pdf", True),
        ("before:2026-12 plan", True),
        ("before:2026-11-30 plan", False),
        ("after:2026-11-30 plan", True),
        ("after:2026-11-30T13:00+01:00 plan", True),
        ("after:2026-11-30T12:01 plan", False),
        ("after:2026 before:2027 plan", True),
        ("https://example.com/x", True),
        ("example.com", True),
        ("plan !!! —", True),
        ("to:ann", False),
    ],
)
def test_filters(query, found):
    asked = parse(query)
    assert means(asked, SAID) == found
    if found:
        assert holds(SAID.terms(), asked)


@pytest.mark.parametrize(
    ("text", "is_link"),
    [
        ("http://localhost:8080/", True),
        ("see HTTPS://example.com", True),
        ("Www.Example.com has it", True),
        ("http:// and more", False),
        ("example.com", False),
        ("awww.so", False),
    ],
)
def test_what_a_link_is(text, is_link):
    assert means(parse("has:link"), Said("ann", 0, text)) == is_link


def test_rooms_are_named_with_their_sign():
    assert parse("x in:#hall in:@ben in:kitchen").rooms == ["#hall", "@ben", "#kitchen"]


def test_a_value_may_stand_between_quotation_marks():
    assert parse('x from:"ann" in:"#hall"').senders == ["ann"]


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("", "names nothing"),
        ("  ", "names nothing"),
        ("!!! ... --", "names nothing"),
        ("in:#hall", "names nothing"),
        ("after:2026", "names nothing"),
        ('"open', "quotation mark is missing"),
        ("from:", "from: needs"),
        ("from: ann", "from: needs"),
        ("in:#", "in: needs"),
        ("x before:yesterday", "before: needs a date"),
        ("x after:2026-02-30", "after: needs a date"),
        ("x after:2026-11-30T25:00", "after: needs a date"),
        ("x after:2027 before:2026", "exchange them"),
        ("has:image", "has: is followed"),
        ("x" * 401, "too long"),
        ("x " * 65, "too many words"),
        ("中" * 65, "too many words"),
    ],
)
def test_a_bad_query_gets_one_sentence(query, part):
    with pytest.raises(QueryError, match=part) as error:
        parse(query)
    assert str(error.value)[-1] == "."


@given(st.text(alphabet=st.sampled_from('ab中"“: \tfrominhas:beforeafter2026-#@é'), max_size=60))
def test_any_query_is_answered_or_refused(text):
    try:
        query = parse(text)
    except QueryError as error:
        assert str(error)
    else:
        if means(query, SAID):
            assert holds(SAID.terms(), query)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970", 0),
        ("2026-11-30T12:00", NOON),
        ("2026-11-30T12:00:00z", NOON),
        ("2026-11-30T13:00+0100", NOON),
        ("2026-11-30T06:30-05:30", NOON),
        ("1969", None),
        ("2026-13", None),
        ("2026-11-31", None),
        ("26-11-30", None),
        ("2026-11-30T12", None),
    ],
)
def test_moments(text, milliseconds):
    assert moment(text) == milliseconds

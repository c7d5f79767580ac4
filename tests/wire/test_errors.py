"""Refusals and close reasons: closed lists, stable names, one sentence each."""

import re

import pytest

from chatd.wire.errors import EXPLANATIONS, ChatdError, CloseReason, Code, ProtocolError, RequestError


@pytest.mark.parametrize("name", [*Code, *CloseReason])
def test_names_on_the_wire_are_lower_case_words(name):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
    assert name.name == name.upper().replace("-", "_")


def test_every_close_reason_is_explained():
    assert set(EXPLANATIONS) == set(CloseReason)
    assert all(text and not text.endswith(".") for text in EXPLANATIONS.values())
    assert len(set(EXPLANATIONS.values())) == len(EXPLANATIONS)


@pytest.mark.parametrize("kind", [ProtocolError, RequestError])
def test_an_error_carries_a_sentence_and_a_code(kind):
    error = kind(Code.NICK_TAKEN, "That nick is taken.", suggest="ada2")
    assert isinstance(error, ChatdError)
    assert (error.code, error.text, error.suggest, error.room) == (
        "nick-taken",
        "That nick is taken.",
        "ada2",
        "",
    )
    assert str(error) == "That nick is taken. (nick-taken)"


def test_a_refused_request_is_no_broken_protocol():
    assert not issubclass(RequestError, ProtocolError)
    assert not issubclass(ProtocolError, RequestError)

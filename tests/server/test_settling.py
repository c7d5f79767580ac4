"""What is asked in one breath behind what decides about it is answered with the commit, in its turn."""

import pytest

from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from tests.helpers import TALKERS, come_in
from tests.server.files.moving import Mover, content_of, digest_of


@pytest.fixture
def files(tmp_path):
    """Return a daemon that takes files, and a client that has brought a content."""
    playground = Playground(folder=tmp_path)
    playground.start_server()
    mover = Mover(m.Hello(nick="ann"))
    playground.connect(mover)
    playground.advance()
    mover.put(content_of(1000))
    playground.advance(1.0)
    return playground, mover


def answers(talker, playground, *asked):
    before = len(talker.heard)
    talker.say(*asked)
    playground.advance(1.0)
    heard = talker.heard[before:]
    return [(one.id, getattr(one, "code", None)) for one in heard if isinstance(one, m.Ok | m.Error)]


@pytest.mark.parametrize("speaks", TALKERS)
def test_a_page_beyond_the_head_behind_a_join_is_empty(playground, said, speaks):
    ann = come_in(playground, "ann", speaks=speaks)
    asked = [m.Join(id=3, room="#tea"), m.History(id=4, room="#tea", after=1000)]
    assert answers(ann, playground, *asked) == [(3, None), (4, None)]
    assert ann.of(m.Ok)[-1].events == []
    assert not said("log-hole")


def test_a_refusal_behind_a_join_comes_behind_its_answer(files):
    playground, ann = files
    asked = [m.Join(id=3, room="#tea"), m.Download(id=4, room="#tea", seq=7, transfer=9)]
    assert answers(ann, playground, *asked) == [(3, None), (4, Code.NO_SUCH_FILE)]


@pytest.mark.parametrize("first", [m.Join(id=3, room="#tea"), m.Block(id=3)])
def test_an_upload_of_what_is_held_is_answered_behind_what_was_asked_before(files, first):
    playground, ann = files
    content = content_of(1000)
    upload = m.Upload(id=4, transfer=9, sha256=digest_of(content), size=len(content))
    assert answers(ann, playground, first, upload) == [(3, None), (4, None)]


def test_as_many_answers_count_as_are_given(files):
    """Else the connection is read no further after some hundred of them."""
    playground, ann = files
    for number in range(100):
        join = m.Join(id=1000 + 10 * number, room=f"#tea{number % 50}")
        page = m.History(id=join.id + 1, room=join.room, after=1000)
        refused = m.Download(id=join.id + 2, room=join.room, seq=7, transfer=100 + number)
        leave = m.Leave(id=join.id + 3, room=join.room)
        ann.say(join, page, refused, leave)
        playground.advance(3.0)
    told = [one.id for one in ann.heard if isinstance(one, m.Ok | m.Error) and one.id >= 1000]
    assert sorted(told) == [1000 + 10 * number + part for number in range(100) for part in range(4)]
    connection = next(iter(playground.server.connections))
    assert not connection.input.gate._owed

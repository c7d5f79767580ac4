"""A disk that fails in the midst of an upload costs that upload alone, once, whatever was under way."""

import errno
import os

import pytest

from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.frames import chunk
from tests.helpers import hello
from tests.server.files.moving import Mover, content_of, digest_of


@pytest.fixture
def playground(tmp_path):
    playground = Playground(folder=tmp_path)
    playground.start_server()
    return playground


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def ended(said):
    return [(fields["reason"], fields["offset"]) for fields in said("upload-ended")]


def begin(playground, content):
    """Return a client that brought the first 1000 bytes of ``content`` as transfer 1."""
    ada = Mover(hello("ada"))
    playground.connect(ada)
    playground.advance(1)
    ada.say(m.Upload(id=2, transfer=1, size=len(content), sha256=digest_of(content)))
    playground.advance(0.1)
    ada.transport.write(chunk(1, 0, content[:1000]))
    playground.advance(0.1)
    return ada


@pytest.mark.parametrize("failing", [("fdatasync", "pwrite"), ("fdatasync",), ("pwrite",)])
@pytest.mark.parametrize("order", [("keep", "write"), ("write", "keep")])
def test_a_flush_and_a_write_at_once_end_one_upload_once(playground, monkeypatch, said, order, failing):
    content = content_of(5000)
    ada = begin(playground, content)
    playground.workers.held = True
    for step in order:
        if step == "write":
            ada.transport.write(chunk(1, 1000, content[1000:2000]))
            playground.advance(0.1)
        else:
            playground.advance(1.5)  # what was written before is flushed
    with monkeypatch.context() as patch:
        for call in failing:
            patch.setattr(os, call, full)
        playground.workers.release()
        playground.advance(1)
    assert ada.lost is None
    assert [cancel.code for cancel in ada.of(m.Cancel)] == ["storage-unavailable"]
    assert ended(said) == [("storage-unavailable", 2000)]
    assert playground.server.files.idle
    assert not len(playground.server.files.uploads)
    ada.say(m.Upload(id=3, transfer=2, size=len(content), sha256=digest_of(content)))
    playground.advance(1)
    ok = ada.answer(3)
    assert isinstance(ok, m.Ok), ok
    ada.transport.write(chunk(2, ok.offset, content[ok.offset :]))
    playground.advance(1)
    assert ada.stored(2) == len(content)

"""Certificates whose files change are taken up by themselves, as a pair that fits or not at all."""

import shutil

import pytest
from twisted.internet import reactor

from chatd.ops.config import Source
from chatd.ops.log import KEY
from chatd.ops.settings import Config, ListenConfig
from chatd.reloading import LOOK_INTERVAL, Reloader
from chatd.server.announcer import Announcer
from chatd.server.certificate_watch import CertificateWatch
from chatd.server.open_listeners import Listeners
from chatd.testing import Playground
from tests.end_to_end.harness.certificates import make_certificate


@pytest.fixture
def pair(tmp_path):
    """Return the files that the listener has."""
    return make_certificate(tmp_path)


@pytest.fixture
def playground():
    made = Playground()
    made.start_server()
    return made


@pytest.fixture(params=["certificate and key", "ssl:"])
def listeners(request, pair, playground):
    endpoint = "tcp:0:interface=127.0.0.1"
    listener = ListenConfig(endpoint=endpoint, certificate=str(pair[0]), key=str(pair[1]))
    if request.param == "ssl:":
        endpoint = f"ssl:0:interface=127.0.0.1:certKey={pair[0]}:privateKey={pair[1]}"
        listener = ListenConfig(endpoint=endpoint)
    config = Config(listen=(ListenConfig(endpoint="tcp:0:interface=127.0.0.1:backlog=9"), listener))
    playground._daemon.current.config = config
    opened = Listeners(reactor)
    opened.open(config)
    opened.serve(playground.server)
    watch = CertificateWatch(config.listen, playground.clock, playground.wall)
    reloader = Reloader(Source(), playground._daemon, opened, watch, Announcer(None), lambda _: None)
    reloader.start()
    yield opened
    reloader.stop()
    opened.close()


@pytest.fixture
def said(logged_events):
    return lambda: [event[KEY] for event in logged_events if KEY in event and event[KEY].name != "client-in"]


def shown(listeners):
    return [listener.setting.material.certificate for listener in listeners._open.values()]


def test_a_renewed_pair_is_taken_up_and_one_that_does_not_fit_waits(
    listeners, pair, playground, tmp_path, said
):
    before = shown(listeners)
    playground.advance(3 * LOOK_INTERVAL, 10)
    assert not [one for one in said() if one.name.startswith(("reload", "certificate"))]

    (tmp_path / "other").mkdir()
    fresh = make_certificate(tmp_path / "other")
    shutil.copy(fresh[0], pair[0])  # the key comes later
    playground.advance(3 * LOOK_INTERVAL, 10)
    assert shown(listeners) == before
    waits = [one for one in said() if one.name == "certificate-waits"]
    assert len(waits) <= 1, "once, if it can be told"

    shutil.copy(fresh[1], pair[1])
    playground.advance(LOOK_INTERVAL, 10)
    assert shown(listeners)[0] == before[0] == b""
    assert shown(listeners)[1] != before[1]
    (reloaded,) = [one for one in said() if one.name == "reloaded"]
    assert reloaded.fields["applied"] == "listen[1].certificate listen[1].key"


def test_files_that_are_gone_change_nothing(listeners, pair, playground):
    before = shown(listeners)
    pair[0].unlink()
    playground.advance(2 * LOOK_INTERVAL, 10)
    assert shown(listeners) == before

"""Whatever the file says, reload after reload: all of it is in force, or all is as it was."""

import socket

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from twisted.internet import reactor

from chatd.build import _terms
from chatd.ops.config import Source
from chatd.ops.differences import AT_THE_START, compare
from chatd.reloading import Reloader
from chatd.server.announcer import Announcer
from chatd.server.certificate_watch import CertificateWatch
from chatd.server.listener_rules import ListenerRules
from chatd.server.open_listeners import Listeners
from chatd.server.tls_options import material_of
from chatd.testing import Playground
from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.processes import LOOPBACK, free_port

FIRST, SECOND, THIRD, TAKEN = (free_port() for _ in range(4))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a folder with two pairs of a certificate and a key, and a file that is none."""
    folder = tmp_path_factory.mktemp("pairs")
    for name in ("a", "b", "junk"):
        (folder / name).mkdir()
        pair = make_certificate(folder / name)
    for file in pair:
        file.write_text("this is none")
    with socket.create_server((LOOPBACK, TAKEN)):
        yield folder


endpoints = st.lists(
    st.sampled_from(
        [
            f"tcp:{FIRST}:interface={LOOPBACK}",
            f"tcp:{FIRST}:interface={LOOPBACK}:backlog=17",
            f"tcp:{SECOND}:interface={LOOPBACK}",
            f"tcp:{TAKEN}:interface={LOOPBACK}",
            "unix:@FOLDER@/s",
            "unix:@FOLDER@/gone/s",
        ]
    ),
    max_size=3,
    unique=True,
)
pairs = st.sampled_from(
    [("a", "a"), ("b", "b"), ("a", "b"), ("b", "a"), ("junk", "a"), ("a", "junk"), ("gone", "a")]
)
tls = st.none() | st.tuples(
    pairs, st.sampled_from(["allowed", "read-only", "refused"]), st.sampled_from([0, 1200])
)
tables = st.fixed_dictionaries(
    {},
    optional={
        "limits": st.sampled_from(
            ["max_users = 3", "max_users = 4", "requests_per_second = 7", "max_users = 'many'", "x = 1"]
        ),
        "drain": st.sampled_from(["window = 1.5", "window = -1"]),
        "retention": st.sampled_from(["days = 3", "events = 100"]),
        "accounts": st.sampled_from(
            ["registration = 'open'", "checkers = ['file:@FOLDER@/nobody']", "make_rooms = 'account'"]
        ),
        "log": st.sampled_from(["level = 'debug'", "format = 'json'", "level = 'loud'"]),
        "rooms": st.sampled_from(["remove_hours = 5", "remove_hours = 'never'"]),
    },
)
beginnings = st.sampled_from(["", "", "", "show_addresses = true\n", "data = 7\n", "[["])
texts = st.tuples(endpoints, tls, tables, beginnings)


def written(said, files, folder):
    """Return the text of a configuration file."""
    plain, secure, sections, begin = said
    text = f"guests = 'allowed'\n{begin}"
    for endpoint in plain:
        text += f'[[listen]]\nendpoint = "{endpoint}"\n'
    if secure is not None:
        (certificate, key), guests, segment = secure
        text += f'[[listen]]\nendpoint = "tcp:{THIRD}"\nguests = "{guests}"\nmax_segment = {segment}\n'
        text += f'certificate = "{files / certificate}/localhost.crt"\nkey = "{files / key}/localhost.key"\n'
    for name, line in sections.items():
        text += f"[{name}]\n{line}\n"
    return text.replace("@FOLDER@", str(folder))


class Reloaded:
    """A daemon in memory with real listeners, and all of it that a reload may change."""

    def __init__(self, folder):
        self.file = folder / "chatd.toml"
        self.file.write_text(
            "guests = 'allowed'\n" + f'[[listen]]\nendpoint = "tcp:{FIRST}:interface={LOOPBACK}"\n'
        )
        self.source = Source(str(self.file))
        playground = Playground(self.source.read())
        playground.start_server()
        self.daemon = playground._daemon
        self.listeners = Listeners(reactor)
        self.listeners.open(self.config)
        self.listeners.serve(self.daemon.server)
        self.watch = CertificateWatch(self.config.listen, playground.clock, playground.wall)
        self.levels = []
        self.reloader = Reloader(
            self.source, self.daemon, self.listeners, self.watch, Announcer(None), self.levels.append
        )

    @property
    def config(self):
        return self.daemon.current.config

    def state(self):
        open_ = self.listeners._open
        return (
            self.config,
            self.daemon.committer.hub.world.terms,
            {name: (one.setting, one.chat.rules, one.port.connected) for name, one in open_.items()},
            list(self.levels),
            list(self.watch._loaded),
        )

    def check(self):
        """Check that everything is as the configuration in force says."""
        config = self.config
        assert self.daemon.committer.hub.world.terms == _terms(config)
        open_ = self.listeners._open
        assert open_.keys() == {listener.endpoint for listener in config.listen}
        for listener in config.listen:
            one = open_[listener.endpoint]
            assert one.setting.config == listener
            assert one.setting.material == material_of(listener)
            assert one.chat.rules == ListenerRules.of(listener, config.guests)
            assert one.chat.server is self.daemon.server
            assert one.port.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        assert [listener for listener, _ in self.watch._loaded] == list(config.listen)
        if self.levels:
            assert self.levels[-1] == config.log.level
        names = " ".join(open_)
        for port in (FIRST, SECOND, THIRD):
            assert listens(port) == (f"tcp:{port}" in names)


def listens(port):
    """Return whether somebody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except OSError:
            return True
    return False


@given(st.lists(texts, min_size=1, max_size=6))
def test_a_reload_changes_all_or_nothing(files, tmp_path_factory, said):
    folder = tmp_path_factory.mktemp("course", numbered=True)
    house = Reloaded(folder)
    try:
        for one in said:
            house.file.write_text(written(one, files, folder))
            before = house.state()
            report = house.reloader.reload()
            event("refused" if report.refused else "in force")
            if report.refused:
                assert house.state() == before
                house.check()
                continue
            expected, changes = compare(before[0], house.source.read())
            assert house.config == expected
            assert report.restart == changes.restart
            assert set(report.added) == house.listeners._open.keys() - before[2].keys()
            assert set(report.removed) == before[2].keys() - house.listeners._open.keys()
            assert set(changes.applied) <= set(report.applied)
            assert not set(report.applied) & set(AT_THE_START)
            house.check()
    finally:
        house.listeners.close()

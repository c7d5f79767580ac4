"""Another configuration while people are in: what is in force for those who are there, and from when on."""

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from chatd.ops.settings import (
    AccountsConfig,
    Config,
    FilesConfig,
    HeartbeatConfig,
    LimitsConfig,
    RetentionConfig,
)
from chatd.server.listener_rules import ListenerRules
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from tests.helpers import come_in, sends


def started(config=None, folder=None):
    playground = Playground(config, folder=folder)
    playground.start_server()
    return playground


def use(playground, **sections):
    daemon = playground._daemon
    config = replace(daemon.current.config, **sections)
    daemon.use(config, daemon.server.doors.choose(config.accounts))


def renew(playground):
    Deferred.fromCoroutine(playground.server.renew_allowances())
    playground.advance()


def test_a_limit_of_users_holds_from_the_reload_on():
    playground = started()
    come_in(playground, "ann")
    use(playground, limits=LimitsConfig(max_users=1))
    assert come_in(playground, "ben").of(m.Error)[0].code == Code.TOO_MANY_USERS
    use(playground, limits=LimitsConfig(max_users=2))
    assert come_in(playground, "ben").of(m.Welcome)


def test_connections_are_counted_by_the_limit_in_force():
    playground = started()
    come_in(playground, "ann")
    use(playground, limits=LimitsConfig(max_connections=1))
    assert come_in(playground, "ben").of(m.Error)[0].code == Code.TOO_MANY_CONNECTIONS


def test_those_who_are_in_ask_as_quickly_as_the_limit_in_force_allows():
    for before, after in ((0, 10), (5000, 10)):
        playground = started(Config(limits=LimitsConfig(requests_per_second=before)))
        ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
        use(playground, limits=LimitsConfig(requests_per_second=after, flood_delay=1000))
        renew(playground)
        ann.say(*sends("#a", *["x"] * 1000))
        playground.advance(1)
        assert len(ann.of(m.Event)) < 500
        use(playground, limits=LimitsConfig(requests_per_second=0))
        renew(playground)
        playground.advance(3)
        assert len(ann.of(m.Event)) > 990


def test_new_rooms_of_a_user_follow_the_limit_in_force():
    playground = started(Config(limits=LimitsConfig(new_rooms_per_hour=1)))
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), m.Join(id=2, room="#b"))
    assert ann.of(m.Error)[0].code == Code.TOO_FAST
    use(playground, limits=LimitsConfig(new_rooms_per_hour=5))
    ann.say(m.Join(id=3, room="#c"))
    playground.advance()
    assert len(ann.of(m.Error)) == 1


def test_registration_opens_and_closes_with_the_configuration():
    playground = started()
    for factory in playground.network._listeners.values():
        factory.rules = ListenerRules(secure=True)
    refused = come_in(playground, "ann", password="correct horse", register=True)
    playground.advance()
    assert refused.of(m.Error)[0].code == Code.CLOSED_REGISTRATION
    use(playground, accounts=AccountsConfig(registration="open"))
    welcome = come_in(playground, "ann", password="correct horse", register=True)
    playground.advance()
    assert welcome.of(m.Welcome)


def test_guests_who_are_in_only_read_once_the_listener_says_so():
    playground = started()
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    for factory in playground.network._listeners.values():
        factory.rules = ListenerRules(guests="read-only")
    ann.say(*sends("#a", "x"))
    playground.advance()
    assert ann.of(m.Error)[0].code == Code.ACCOUNT_NEEDED


def test_newcomers_get_the_heartbeat_and_the_files_of_the_configuration_in_force(tmp_path):
    playground = started(folder=tmp_path)
    assert come_in(playground, "ann").of(m.Welcome)[0].heartbeat == m.Pulse(5, 6)
    use(playground, heartbeat=HeartbeatConfig(interval=7, misses=3), files=FilesConfig(max_size=1000))
    welcome = come_in(playground, "ben").of(m.Welcome)[0]
    assert welcome.heartbeat == m.Pulse(7, 3)
    assert welcome.limits.file == 1000
    assert playground.server.files.config.max_size == 1000


def test_the_next_round_cuts_by_the_retention_in_force():
    playground = started()
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", *["x"] * 50))
    playground.advance(1)
    use(playground, retention=RetentionConfig(events=10))
    playground.advance(130, 1)
    log = playground.server.hub.world.rooms["#a"].log
    assert log.head - log.first + 1 == 10
    assert not ann.of(m.Error)


def test_checkers_are_exchanged_only_if_they_are_others():
    playground = started()
    doors = playground.server.doors
    before = doors.gatekeeper.checkers
    use(playground, accounts=AccountsConfig(make_rooms="accounts"))
    assert doors.gatekeeper.checkers is before
    use(playground, accounts=AccountsConfig(checkers=("command",), command=("/bin/false",)))
    assert [type(one).__name__ for one in doors.gatekeeper.checkers] == ["CommandChecker"]
    assert playground.server.hub.world.terms.vouched

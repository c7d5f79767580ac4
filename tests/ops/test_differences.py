"""What a reload can put in force at once, and what it leaves to a restart: key by key."""

import msgspec
import pytest
from msgspec.structs import replace

from chatd.ops.differences import AT_THE_START, compare
from chatd.ops.settings import Config, ListenConfig, Section

OTHERS = {
    "irc.name": "irc.example.org",
    "irc.network": "Example",
    "irc.motd": "Be kind.",
    "data": "elsewhere",
    "guests": "refused",
    "announcement": "Tea at four.",
    "accounts.registration": "open",
    "accounts.make_rooms": "operators",
    "accounts.checkers": ("command",),
    "accounts.command": ("/bin/true",),
    "log.format": "json",
    "log.level": "warn",
    "control.group": "adm",
    "control.rights": "look",
    "metrics.endpoint": "unix:figures",
    "hooks.allow": ("10.0.0.0/8",),
    "lan.name": "Office",
    "lan.host": "chat.example.org",
}
"""Another value for each key that is neither a number nor a truth."""


def keys(section, path=""):
    for name in section.__struct_fields__:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from keys(value, f"{path}{name}.")
        elif name != "listen":
            yield path + name


def value(config, key):
    for name in key.split("."):
        config = getattr(config, name)
    return config


def another(key):
    section, _, name = key.rpartition(".")
    before = value(Config(), key)
    other = OTHERS[key] if key in OTHERS else (not before if isinstance(before, bool) else before + 1)
    if not section:
        return replace(Config(), **{name: other})
    return replace(Config(), **{section: replace(getattr(Config(), section), **{name: other})})


@pytest.mark.parametrize("key", list(keys(Config())))
def test_every_key_is_in_force_at_once_or_told_to_need_a_restart(key):
    wanted = another(key)
    possible, report = compare(Config(), wanted)
    if key in AT_THE_START:
        assert (report.applied, report.restart) == ((), (key,))
        assert possible == Config()
        assert compare(possible, wanted)[1].restart == (key,), "it is told until the restart"
    else:
        assert (report.applied, report.restart) == ((key,), ())
        assert possible == wanted
    assert not (report.added or report.removed or report.problems)


def listening(*listeners):
    return Config(listen=tuple(ListenConfig(**one) if isinstance(one, dict) else one for one in listeners))


def test_listeners_are_told_by_their_endpoints():
    before = listening({"endpoint": "unix:a"}, {"endpoint": "unix:b"}, {"endpoint": "unix:c"})
    after = listening(
        {"endpoint": "unix:d"},
        {"endpoint": "unix:c", "guests": "refused", "backlog": 9},
        {"endpoint": "unix:a"},
    )
    possible, report = compare(before, after)
    assert possible == after
    assert report.applied == ("listen[1].backlog", "listen[1].guests")
    assert (report.added, report.removed, report.restart) == (("unix:d",), ("unix:b",), ())


def test_sockets_of_systemd_come_and_go_by_a_restart_alone():
    kept = ListenConfig(endpoint="systemd:domain=INET:index=0")
    new = ListenConfig(endpoint="haproxy:systemd:domain=UNIX:name=chat")
    before, after = listening(kept, {"endpoint": "unix:a"}), listening(new, {"endpoint": "unix:b"})
    possible, report = compare(before, after)
    assert [one.endpoint for one in possible.listen] == ["unix:b", kept.endpoint]
    assert report.restart == ("listen[0]", kept.endpoint)
    assert (report.added, report.removed) == (("unix:b",), ("unix:a",))


def test_a_report_can_be_told_in_json():
    report = compare(Config(), another("data"))[1]
    assert msgspec.json.decode(msgspec.json.encode(report))["restart"] == ["data"]
    assert not report.refused

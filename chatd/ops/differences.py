"""Compares the configuration that is running with another one: what can be in force at once, what cannot."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from chatd.ops.endpoints import from_systemd
from chatd.ops.settings import Config, ListenConfig, Section

AT_THE_START: Final = (
    "data",
    "eager_send",
    "files.enabled",
    "log.format",
    "control.group",
    "control.rights",
    "metrics.endpoint",
    "metrics.allow_remote",
)
"""The keys that are read at the start alone."""


class Report(Struct, frozen=True, kw_only=True):
    """What became of a reload.

    If there are ``problems``, one sentence each, nothing was changed. Otherwise the keys in ``applied`` are
    in force, and those in ``restart`` will be after a restart. The endpoints in ``added`` are listened on
    from now on, those in ``removed`` no longer.
    """

    applied: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Return whether nothing was changed."""
        return bool(self.problems)


def compare(running: Config, wanted: Config) -> tuple[Config, Report]:
    """Return what of ``wanted`` can take the place of ``running`` at once, and what that changes."""
    before, after = _listeners(running), _listeners(wanted)
    possible = replace(wanted, listen=tuple(_possible(before, after)))
    for key in AT_THE_START:
        possible = _with(possible, key, _value(running, key))
    opened = _listeners(possible)
    keys = list(_keys(running, wanted))
    names = {listener.endpoint: f"listen[{index}]" for index, listener in enumerate(wanted.listen)}
    for endpoint in opened.keys() & before.keys() & after.keys():
        keys += _keys(before[endpoint], after[endpoint], f"{names[endpoint]}.")
    refused = [names[endpoint] for endpoint in after if endpoint not in opened]
    refused += [endpoint for endpoint in before if endpoint in opened and endpoint not in after]
    return possible, Report(
        applied=tuple(sorted(key for key in keys if key not in AT_THE_START)),
        added=tuple(endpoint for endpoint in opened if endpoint not in before),
        removed=tuple(endpoint for endpoint in before if endpoint not in opened),
        restart=tuple(key for key in AT_THE_START if key in keys) + tuple(refused),
    )


def _listeners(config: Config) -> dict[str, ListenConfig]:
    return {listener.endpoint: listener for listener in config.listen}


def _possible(before: dict[str, ListenConfig], after: dict[str, ListenConfig]) -> Iterator[ListenConfig]:
    """Yield the listeners that there can be now: systemd hands its sockets over at the start alone."""
    for endpoint, listener in after.items():
        if endpoint in before or not from_systemd(endpoint):
            yield listener
    for endpoint, listener in before.items():
        if endpoint not in after and from_systemd(endpoint):
            yield listener


def _keys(before: Section, after: Section, path: str = "") -> Iterator[str]:
    """Yield the path of every key that is not the same, except of listeners."""
    for name in before.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if isinstance(old, Section):
            yield from _keys(old, new, f"{path}{name}.")
        elif old != new and name != "listen":
            yield path + name


def _value(config: Any, key: str) -> Any:
    for name in key.split("."):
        config = getattr(config, name)
    return config


def _with(config: Config, key: str, value: Any) -> Config:
    """Return ``config`` with ``value`` at ``key``."""
    section, _, name = key.rpartition(".")
    if not section:
        return replace(config, **{name: value})
    return replace(config, **{section: replace(getattr(config, section), **{name: value})})

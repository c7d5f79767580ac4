"""Checks of a configuration that go beyond each value's type."""

from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Final

from chatd.lan.announcement import NAME_BYTES, is_host
from chatd.lan.multicast import MISSING, is_installed
from chatd.ops.certificates import authority_problems, certificate_problems
from chatd.ops.endpoints import EndpointError, Listening, rehearse
from chatd.ops.groups import group_id
from chatd.ops.origins import origin_problems
from chatd.ops.reading import Problem
from chatd.ops.relays import UNIX, Trusted, relay_problems
from chatd.ops.settings import (
    CERTIFICATES,
    AccountsConfig,
    Config,
    ControlConfig,
    HeartbeatConfig,
    HooksConfig,
    LanConfig,
    ListenConfig,
    MetricsConfig,
)

LEAST_SEGMENT: Final = 88
"""Bytes that Linux lets a TCP segment have at the least."""

_PLAINTEXT: Final = (
    "speaks plain text beyond this machine: give it a certificate and a key, "
    "or say allow_plaintext = true if the network around it is trusted."
)


def check(config: Config, problems: Iterable[Problem]) -> list[Problem]:
    """Return what else is wrong with ``config``, except in sections that ``problems`` names already."""
    broken = {problem.path.split(".")[0] for problem in problems}
    found = []
    for path, look in _looks(config):
        if path not in broken:
            found += look()
    return found


def _looks(config: Config) -> Iterator[tuple[str, Callable[[], list[Problem]]]]:
    yield "heartbeat", lambda: list(_heartbeat(config.heartbeat))
    yield "accounts", lambda: list(_accounts(config.accounts))
    yield "metrics", lambda: list(_metrics(config.metrics))
    yield "hooks", lambda: list(_hooks(config.hooks))
    yield "lan", lambda: list(_lan(config.lan))
    yield "control", lambda: list(_control(config.control))
    yield "listen", lambda: list(_listeners(config.listen))
    for index, listen in enumerate(config.listen):
        path = f"listen[{index}]"
        yield (
            path,
            lambda listen=listen, path=path: list(  # type: ignore[misc]
                check_listener(listen, path, allow_plaintext=config.allow_plaintext)
            ),
        )


def _metrics(metrics: MetricsConfig) -> Iterator[Problem]:
    if not metrics.endpoint:
        return
    if find_spec("prometheus_client") is None:
        yield Problem("metrics.endpoint", "this needs a package: pip install 'chatd[metrics]'.")
    try:
        listening = rehearse(metrics.endpoint)
    except EndpointError as error:
        yield Problem("metrics.endpoint", str(error))
        return
    if not (listening.local or metrics.allow_remote):
        yield Problem(
            "metrics.endpoint",
            "everybody who can reach this may read the figures: add :interface=127.0.0.1, "
            "or say allow_remote = true if the network around it is trusted.",
        )


def _hooks(hooks: HooksConfig) -> Iterator[Problem]:
    for index, word in enumerate(hooks.allow):
        try:
            usable = bool(Trusted([word])) and word != UNIX
        except ValueError:
            usable = False
        if not usable:
            yield Problem(
                f"hooks.allow[{index}]",
                f'{word!r} is not a network; right ones are "10.0.0.0/8" and "2001:db8::/32".',
            )


def _lan(lan: LanConfig) -> Iterator[Problem]:
    if lan.announce and not is_installed():
        yield Problem("lan.announce", f"{MISSING}.")
    if len(lan.name.encode()) > NAME_BYTES:
        yield Problem("lan.name", f"{NAME_BYTES} bytes are the most of a name here.")
    if lan.host and not is_host(lan.host):
        yield Problem("lan.host", f"{lan.host!r} is no name of a host; a right one is chat.example.org.")


def _control(control: ControlConfig) -> Iterator[Problem]:
    if control.group:
        try:
            group_id(control.group)
        except (KeyError, OSError, OverflowError):
            yield Problem("control.group", f"this system has no group {control.group!r}.")


def _accounts(accounts: AccountsConfig) -> Iterator[Problem]:
    names = accounts.checkers
    known = {"accounts", CERTIFICATES, "command", *entry_points(group="chatd.checkers").names}
    for index, name in enumerate(names):
        if name not in known:
            yield Problem(
                f"accounts.checkers[{index}]",
                f"there is no checker {name!r}; there are {', '.join(sorted(known))}.",
            )
        elif name in names[:index]:
            yield Problem(f"accounts.checkers[{index}]", f"{name!r} is there already.")
    if accounts.vouched and accounts.registration != "closed":
        yield Problem(
            "accounts.registration",
            'this has to be "closed" where the checkers are others than "accounts" and "certificates": '
            "somebody else might register the nick of one whom they know.",
        )
    if ("command" in names) is not bool(accounts.command):
        yield Problem("accounts.command", 'the checker "command" and its command belong together; give both.')
    elif accounts.command and not accounts.command[0].startswith("/"):
        yield Problem("accounts.command", "the program needs its whole path, which begins with /.")


def _heartbeat(beat: HeartbeatConfig) -> Iterator[Problem]:
    limit = beat.interval * beat.misses
    if not beat.min_interval <= beat.interval <= beat.max_interval:
        yield Problem(
            "heartbeat.interval",
            f"{beat.interval:g} s is not within min_interval {beat.min_interval:g} s "
            f"and max_interval {beat.max_interval:g} s.",
        )
    if not beat.min_limit <= limit <= beat.max_limit:
        yield Problem(
            "heartbeat.misses",
            f"interval times misses is {limit:g} s, which is not within min_limit {beat.min_limit:g} s "
            f"and max_limit {beat.max_limit:g} s.",
        )


def _listeners(listeners: tuple[ListenConfig, ...]) -> Iterator[Problem]:
    if not listeners:
        yield Problem("listen", "at least one [[listen]] is needed; leave the key out for the default.")
    seen: dict[str, int] = {}
    for index, listen in enumerate(listeners):
        first = seen.setdefault(listen.endpoint, index)
        if first != index:
            yield Problem(f"listen[{index}].endpoint", f"this is the endpoint of listen[{first}] again.")


def check_listener(listen: ListenConfig, path: str, *, allow_plaintext: bool) -> Iterator[Problem]:
    """Yield the problems with the listener at ``path``."""
    try:
        listening = rehearse(listen.endpoint)
    except EndpointError as error:
        yield Problem(f"{path}.endpoint", str(error))
        listening = None
    if 0 < listen.max_segment < LEAST_SEGMENT:
        yield Problem(
            f"{path}.max_segment",
            f"{LEAST_SEGMENT} bytes are the least of a segment, and 0 is no bound; try 1200.",
        )
    yield from certificate_problems(listen.certificate, listen.key, path)
    yield from origin_problems(listen, path)
    if listen.websocket and listen.protocol != "irc":
        yield Problem(f"{path}.websocket", 'websocket has no effect here; say protocol = "irc" or "web".')
    if listen.password and listen.protocol != "irc":
        yield Problem(
            f"{path}.password", 'password has no effect here; say protocol = "irc" or leave it out.'
        )
    yield from authority_problems(listen, path)
    yield from relay_problems(listen, path, tls=listening is not None and listening.tls)
    if listening is not None:
        yield from _secrecy(
            listen, listening, path, allow_plaintext=allow_plaintext or listen.allow_plaintext
        )


def _secrecy(
    listen: ListenConfig, listening: Listening, path: str, *, allow_plaintext: bool
) -> Iterator[Problem]:
    if listening.tls and listen.certificate:
        yield Problem(
            f"{path}.certificate", "an ssl: endpoint has its own certificate; write tcp: with this one."
        )
    if not (listening.tls or listening.local or listen.certificate or listen.key or allow_plaintext):
        yield Problem(f"{path}.endpoint", f"{listen.endpoint} {_PLAINTEXT}")

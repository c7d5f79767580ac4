"""The settings: one frozen Struct per section of chatd.toml, with the defaults that hold without a file.

etc/chatd.toml explains every key to operators; a test holds the two together.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Number = Annotated[int, Meta(ge=1, le=10_000_000)]
Line = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]*$")]
Announced = Annotated[str, Meta(max_length=1000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$")]
"""What may be said to everybody: as a text of somebody's, and short, since it comes with every welcome."""

IrcName = Annotated[str, Meta(max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
SomeLine = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]+$")]
Guests = Literal["", "allowed", "read-only", "refused"]
OrForEver = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Bytes = Annotated[int, Meta(ge=1, le=2**53 - 1)]
OrUnlimited = Annotated[int, Meta(ge=0, le=10_000_000)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration file; a key that is not a field is a mistake."""


class ListenConfig(Section, frozen=True):
    """One listener: ``[[listen]]``.

    ``endpoint`` is a Twisted server endpoint string; ``protocol`` is what is spoken there. With
    ``certificate`` and ``key`` (PEM files) it speaks TLS. With ``client_certificates`` clients may or must
    show one that is signed by an authority in ``client_ca`` (a PEM file). Plain text beyond loopback and UNIX
    sockets needs ``allow_plaintext``, here or for all listeners. ``guests`` says what people without an
    account may do here; "" allows them on loopback and UNIX sockets, and refuses them elsewhere. ``backlog``
    is the number of connections the kernel holds until they are accepted. Segments of TCP have at most
    ``max_segment`` bytes in both directions; 0 is no bound. With ``proxy_protocol`` every connection begins
    with a PROXY header, and only the ``trusted`` networks may connect. ``origins`` are the pages from which
    browsers may connect by WebSocket, each as ``https://host`` or ``https://host:port``. Clients of IRC say
    the ``password`` before they are let in, unless that is "", and come by WebSocket with ``websocket``.
    """

    endpoint: SomeLine = "tcp:7411:interface=127.0.0.1"
    protocol: Literal["native", "json-lines", "web", "irc"] = "native"
    certificate: Line = ""
    key: Line = ""
    client_certificates: Literal["none", "optional", "required"] = "none"
    client_ca: Line = ""
    allow_plaintext: bool = False
    guests: Guests = ""
    backlog: Annotated[int, Meta(ge=1, le=65_535)] = 4096
    max_segment: Annotated[int, Meta(ge=0, le=32_767)] = 0
    proxy_protocol: bool = False
    trusted: tuple[SomeLine, ...] = ()
    origins: tuple[SomeLine, ...] = ()
    password: Line = ""
    websocket: bool = False

    @property
    def speaks(self) -> str:
        """Return the kind of connections that begin here."""
        return f"{self.protocol}-websocket" if self.websocket else self.protocol

    @property
    def tls(self) -> bool:
        """Return whether this listener wraps its endpoint in TLS (an ``ssl:`` endpoint needs no wrapping)."""
        return bool(self.certificate)


class HeartbeatConfig(Section, frozen=True):
    """The heartbeat for clients that wish none, and the bounds of what they may wish: ``[heartbeat]``.

    A wished interval is brought into ``min_interval`` to ``max_interval`` seconds; the misses are then
    chosen so that interval times misses is within ``min_limit`` to ``max_limit`` seconds.
    """

    interval: Seconds = 5.0
    misses: Annotated[int, Meta(ge=1, le=1000)] = 6
    min_interval: Seconds = 1.0
    max_interval: Seconds = 60.0
    min_limit: Seconds = 3.0
    max_limit: Seconds = 600.0


class LimitsConfig(Section, frozen=True):
    """What peers may use: ``[limits]``; 0 is no limit, save for ``max_connections`` and the seconds.

    An address is an IPv4 address or an IPv6 network of 64 bits; loopback addresses and UNIX sockets are not
    counted (a relay on the same machine speaks for many). The network of 48 bits around it may use
    ``networks_per_48`` times as much.

    In all: ``max_connections``, ``max_users``, ``max_rooms`` (logs of direct messages included) and
    ``max_acts`` (bans, mutes and invitations of all rooms, and notes of who was removed). Of one
    user: ``max_devices`` and ``max_direct`` logs of direct messages that the user begins. In seconds:
    ``hello_timeout`` and ``write_timeout``.

    Of one address: ``max_connections_per_address``, ``connections_per_minute``, ``web_requests_per_minute``
    (over HTTP), ``new_sessions_per_minute``, ``failed_logins_per_minute``, ``logins_per_minute`` (with a
    password), ``registrations_per_hour``.

    Of one user, and ``users_per_address`` times as much of one address: ``resumes_per_minute``,
    ``joins_per_minute``, ``acts_per_hour``, ``history_per_minute`` (pages), ``files_per_hour`` (transfers),
    ``new_rooms_per_hour``, ``requests_per_second``, where a send counts as one request, and
    ``bytes_per_second`` that come, of messages and of files. What is beyond the last two waits; whoever asks
    for more all the time is refused after ``flood_delay`` seconds, and sent away after ``flood_refuse``
    further ones. Nobody is for bringing a file.
    """

    max_connections: Number = 20_000
    max_connections_per_address: OrUnlimited = 1000
    networks_per_48: Number = 16
    users_per_address: Number = 20
    hello_timeout: Seconds = 10.0
    write_timeout: Seconds = 30.0
    max_users: OrUnlimited = 100_000
    max_devices: OrUnlimited = 50
    max_rooms: OrUnlimited = 200_000
    max_direct: OrUnlimited = 1000
    max_acts: OrUnlimited = 100_000
    new_rooms_per_hour: OrUnlimited = 300
    connections_per_minute: OrUnlimited = 3000
    web_requests_per_minute: OrUnlimited = 3000
    resumes_per_minute: OrUnlimited = 600
    new_sessions_per_minute: OrUnlimited = 100
    failed_logins_per_minute: OrUnlimited = 60
    logins_per_minute: OrUnlimited = 60
    registrations_per_hour: OrUnlimited = 20
    joins_per_minute: OrUnlimited = 300
    acts_per_hour: OrUnlimited = 300
    history_per_minute: OrUnlimited = 1200
    files_per_hour: OrUnlimited = 3600
    requests_per_second: OrUnlimited = 5000
    bytes_per_second: OrForEver = 500_000_000
    flood_delay: Seconds = 60.0
    flood_refuse: Seconds = 60.0


CERTIFICATES: Final = "certificates"
"""The checker of certificates that open accounts."""


class AccountsConfig(Section, frozen=True):
    """Who may have an account, who makes rooms, and who knows passwords: ``[accounts]``.

    Passwords that people choose have ``min_password`` characters at least.
    ``checkers`` are asked in order: ``accounts`` (the server's own passwords), ``command``, or what other
    packages bring; ``certificates``, in any place, lets accounts be opened by certificates. ``command`` is a
    program with its arguments; it is killed after ``command_timeout`` seconds, and ``command_processes`` run
    at once. With ``scram``, and a listener for IRC, passwords that the server keeps are verified by
    SCRAM-SHA-256 too.
    """

    registration: Literal["closed", "invite", "open"] = "closed"
    make_rooms: Literal["everybody", "accounts", "operators"] = "everybody"
    min_password: Annotated[int, Meta(ge=1, le=64)] = 8
    checkers: tuple[SomeLine, ...] = ("accounts", CERTIFICATES)
    command: tuple[SomeLine, ...] = ()
    command_timeout: Annotated[float, Meta(gt=0, le=60)] = 5.0
    command_processes: Annotated[int, Meta(ge=1, le=64)] = 4
    scram: bool = True

    @property
    def vouched(self) -> bool:
        """Whether others than the server know passwords."""
        return any(name not in {"accounts", CERTIFICATES} for name in self.checkers)


class RoomsConfig(Section, frozen=True):
    """What holds in every room: ``[rooms]``.

    Whoever said something may remove it for ``remove_hours``; 0 is never. Moderators may at any time. Whoever
    said something, and nobody else, may edit it for ``edit_hours``; 0 is never. ``typing`` is whether people
    are told who types, ``keep_edits`` whether what was said before an edit is kept.
    """

    remove_hours: Annotated[float, Meta(ge=0, le=876_000)] = 24.0
    edit_hours: Annotated[float, Meta(ge=0, le=876_000)] = 24.0
    typing: bool = True
    keep_edits: bool = True


class SessionConfig(Section, frozen=True):
    """The time for which a session and its nick are kept after they were last seen: ``[session]``."""

    expire_days: Annotated[float, Meta(gt=0, le=36_500)] = 30.0


class RetentionConfig(Section, frozen=True):
    """The number of events, and of days, that each room's log keeps; 0 is for ever: ``[retention]``."""

    events: OrForEver = 0
    days: Annotated[float, Meta(ge=0, le=36_500)] = 0.0


class FilesConfig(Section, frozen=True):
    """What files the daemon takes and for how long: ``[files]``.

    Sizes are bytes. ``per_session_day`` bounds what one session uploads in a day, ``store_size`` all that is
    kept, partial uploads included. ``per_connection``, ``uploads`` and ``downloads`` bound what is under way
    at once. ``partial_days`` is how long uploads that are not finished or not posted are kept; ``keep_days``
    how long a posted file is, 0 as long as its event.
    """

    enabled: bool = True
    max_size: Bytes = 1 << 30
    per_session_day: Bytes = 10 << 30
    store_size: Bytes = 100 << 30
    per_connection: Annotated[int, Meta(ge=1, le=64)] = 4
    uploads: Number = 64
    downloads: Number = 256
    partial_days: Annotated[float, Meta(gt=0, le=36_500)] = 7.0
    keep_days: Annotated[float, Meta(ge=0, le=36_500)] = 0.0


class DrainConfig(Section, frozen=True):
    """The stop of the daemon: ``[drain]``.

    The clients' retry slots are spread over ``window`` seconds, or over a second for a thousand of them if
    that is longer; connections that are open after ``deadline`` seconds are aborted.
    """

    window: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    deadline: Annotated[float, Meta(gt=0, le=3600)] = 10.0


class LogConfig(Section, frozen=True):
    """The form of the log and its least level: ``[log]``."""

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warn", "error", "critical"] = "info"


class ControlConfig(Section, frozen=True):
    """Who else than root and the daemon's own user may use ``chatctl`` on it: ``[control]``.

    ``group`` is the name or number of a group of the system, "" for nobody; ``rights`` is whether it may only
    look, or change as well.
    """

    group: Line = ""
    rights: Literal["look", "change"] = "change"


class MetricsConfig(Section, frozen=True):
    """The page of figures for Prometheus: ``[metrics]``.

    ``endpoint`` is a Twisted server endpoint string, "" for no page. One beyond loopback and UNIX sockets
    needs ``allow_remote``: the page is plain HTTP, for whoever can reach it.
    """

    endpoint: Line = ""
    allow_remote: bool = False


class HooksConfig(Section, frozen=True):
    """What is told to other servers over HTTP what is said in rooms: ``[hooks]``.

    Only public addresses are, over TLS, and the networks in ``allow``. Where that has failed for
    ``give_up_days``, a hook is switched off.
    """

    allow: tuple[SomeLine, ...] = ()
    give_up_days: Annotated[float, Meta(gt=0, le=3650)] = 7.0


class LanConfig(Section, frozen=True):
    """Whether the daemon announces itself on the local network by multicast DNS: ``[lan]``.

    ``name`` is what people see, that of the machine by default. ``host`` is the name of the server in DNS,
    which its certificate is made out to; without it clients go to its addresses.
    """

    announce: bool = False
    name: Line = ""
    host: Line = ""


class IrcConfig(Section, frozen=True):
    """What listeners with ``protocol = "irc"`` say of the server: ``[irc]``.

    ``name`` is what the server is called in every line of it, ``network`` the name that clients show, and
    ``motd`` the message of the day. With ``early_register`` clients make accounts before they are in. Who
    comes in plain text is sent to TLS at ``sts_port``, unless that is 0, and stays there for ``sts_days``.
    """

    name: IrcName = "chatd.local"
    network: IrcName = "chatd"
    motd: Announced = ""
    early_register: bool = False
    sts_port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    sts_days: Annotated[float, Meta(ge=0, le=3650)] = 30.0


class Config(Section, frozen=True):
    """The whole configuration; ``Config()`` is what runs without a file.

    A relative ``data`` is relative to the working directory. ``allow_plaintext`` speaks for every listener,
    also those of ``--listen``; so does ``guests``,
    where a listener does not say. ``eager_send`` off leaves sending to Twisted's own transports.
    ``announcement`` is what the server itself says to everybody who comes.
    ``show_addresses`` lets members of a room see where the others connect from.
    """

    data: SomeLine = "./chatd-data"
    allow_plaintext: bool = False
    guests: Guests = ""
    announcement: Announced = ""
    eager_send: bool = True
    show_addresses: bool = False
    listen: tuple[ListenConfig, ...] = (
        ListenConfig(),
        ListenConfig(endpoint="tcp:7480:interface=127.0.0.1", protocol="web"),
    )
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    limits: LimitsConfig = LimitsConfig()
    accounts: AccountsConfig = AccountsConfig()
    rooms: RoomsConfig = RoomsConfig()
    session: SessionConfig = SessionConfig()
    retention: RetentionConfig = RetentionConfig()
    files: FilesConfig = FilesConfig()
    drain: DrainConfig = DrainConfig()
    log: LogConfig = LogConfig()
    control: ControlConfig = ControlConfig()
    metrics: MetricsConfig = MetricsConfig()
    hooks: HooksConfig = HooksConfig()
    lan: LanConfig = LanConfig()
    irc: IrcConfig = IrcConfig()

"""The configuration: right ones are read, wrong ones are named by path and sentence, all at once."""

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.ops.config import (
    Config,
    ConfigError,
    DrainConfig,
    HeartbeatConfig,
    LimitsConfig,
    ListenConfig,
    LogConfig,
    RetentionConfig,
    SessionConfig,
    load,
    merge,
    parse,
)
from chatd.ops.relays import Trusted

PLAIN = (
    "speaks plain text beyond this machine: give it a certificate and a key, "
    "or say allow_plaintext = true if the network around it is trusted."
)


def problems_of(text):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return [tuple(problem) for problem in caught.value.problems]


def test_nothing_is_the_defaults():
    assert parse("") == Config()
    assert Config().listen == (
        ListenConfig(endpoint="tcp:7411:interface=127.0.0.1", backlog=4096),
        ListenConfig(endpoint="tcp:7480:interface=127.0.0.1", protocol="web", backlog=4096),
    )
    assert Config().data == "./chatd-data"


def test_everything_can_be_said():
    config = parse("""
        data = "/var/lib/chatd"
        [[listen]]
        endpoint = "tcp:7411"
        allow_plaintext = true
        backlog = 10
        [[listen]]
        endpoint = "unix:/tmp/chatd.sock"
        [heartbeat]
        interval = 2
        misses = 4
        [limits]
        max_connections = 10
        max_connections_per_address = 0
        hello_timeout = 5
        write_timeout = 1.5
        [session]
        expire_days = 0.5
        [retention]
        events = 1000
        days = 3
        [drain]
        window = 0
        deadline = 1
        [log]
        format = "json"
        level = "debug"
    """)
    assert config == Config(
        data="/var/lib/chatd",
        listen=(
            ListenConfig(endpoint="tcp:7411", allow_plaintext=True, backlog=10),
            ListenConfig(endpoint="unix:/tmp/chatd.sock"),
        ),
        heartbeat=HeartbeatConfig(interval=2.0, misses=4),
        limits=LimitsConfig(
            max_connections=10, max_connections_per_address=0, hello_timeout=5.0, write_timeout=1.5
        ),
        session=SessionConfig(expire_days=0.5),
        retention=RetentionConfig(events=1000, days=3.0),
        drain=DrainConfig(window=0.0, deadline=1.0),
        log=LogConfig(format="json", level="debug"),
    )


TEXT = "a text in quotes that is not empty, without control characters"

WRONG = {
    "unknown key": ('dta = "x"', "dta", "this key is not known; did you mean data?"),
    "unknown section": ("[hartbeat]", "hartbeat", "this key is not known; did you mean heartbeat?"),
    "nothing like it": (
        "[session]\nxyzzy = 1",
        "session.xyzzy",
        "this key is not known; known here are expire_days.",
    ),
    "unknown protocol": (
        "[[listen]]\nprotocol = 'smtp'",
        "listen[0].protocol",
        'expected "irc" or "json-lines" or "native" or "web", not "smtp".',
    ),
    "unknown key in a list": (
        "[[listen]]\n[[listen]]\nport = 7411\nendpoint='unix:/x'",
        "listen[1].port",
        (
            "this key is not known; known here are endpoint, protocol, certificate, key, "
            "client_certificates, client_ca, allow_plaintext, guests, backlog, max_segment, proxy_protocol, "
            "trusted, origins, password, websocket."
        ),
    ),
    "a segment that is too small": (
        "[[listen]]\nendpoint='unix:/x'\nmax_segment = 20",
        "listen[0].max_segment",
        "88 bytes are the least of a segment, and 0 is no bound; try 1200.",
    ),
    "strange key": ('"a\\nb" = 1', '"a\\nb"', None),
    "text for number": (
        '[heartbeat]\ninterval = "5"',
        "heartbeat.interval",
        'expected a number of more than 0 and at most 86,400, not "5".',
    ),
    "number for text": ("data = 3", "data", f"expected {TEXT}, not 3."),
    "no text": ('data = ""', "data", f'expected {TEXT}, not "".'),
    "nul": ('data = "a\\u0000b"', "data", f'expected {TEXT}, not "a\\u0000b".'),
    "true for number": (
        "[heartbeat]\nmisses = true",
        "heartbeat.misses",
        "expected a whole number of at least 1 and at most 1,000, not true.",
    ),
    "fraction": (
        "[limits]\nmax_connections = 1.5",
        "limits.max_connections",
        "expected a whole number of at least 1 and at most 10,000,000, not 1.5.",
    ),
    "not a number": (
        "[retention]\ndays = nan",
        "retention.days",
        "expected a number of at least 0 and at most 36,500, not NaN.",
    ),
    "for ever": ("[drain]\ndeadline = inf", "drain.deadline", None),
    "huge": (f"[retention]\nevents = {2**80}", "retention.events", None),
    "a date": ("[session]\nexpire_days = 2030-01-01", "session.expire_days", None),
    "a table for a number": ("[drain]\nwindow = {}", "drain.window", None),
    "a number for a table": ("log = 3", "log", "expected a table, written with [brackets], not 3."),
    "a list for a table": ("[[log]]", "log", "expected a table, written with [brackets], not a list."),
    "a table for a list": (
        "[listen]",
        "listen",
        "expected a list of tables, written with [[double brackets]], not a table.",
    ),
    "numbers for listeners": ("listen = [1]", "listen", None),
    "no such choice": ('[log]\nformat = "xml"', "log.format", 'expected "json" or "text", not "xml".'),
    "a nick that others vouch for, registered": (
        '[accounts]\nregistration = "invite"\ncheckers = ["accounts", "command"]\ncommand = ["/bin/x"]',
        "accounts.registration",
        None,
    ),
    "no listener": (
        "listen = []",
        "listen",
        "at least one [[listen]] is needed; leave the key out for the default.",
    ),
    "twice the same": (
        '[[listen]]\nendpoint = "unix:/x"\n[[listen]]\nendpoint = "unix:/x"',
        "listen[1].endpoint",
        "this is the endpoint of listen[0] again.",
    ),
    "plain to everyone": ('[[listen]]\nendpoint = "tcp:7411"', "listen[0].endpoint", f"tcp:7411 {PLAIN}"),
    "no endpoint": (
        '[[listen]]\nendpoint = "7411"',
        "listen[0].endpoint",
        (
            "'7411' is not an endpoint that can be listened on (Unknown endpoint type: '7411'); "
            "a right one is tcp:7411:interface=127.0.0.1."
        ),
    ),
    "no port": (
        '[[listen]]\nendpoint = "tcp:99999"',
        "listen[0].endpoint",
        "99999 is not a port; ports go from 0 to 65535.",
    ),
    "interval below its bound": (
        "[heartbeat]\ninterval = 0.5\nmisses = 100",
        "heartbeat.interval",
        "0.5 s is not within min_interval 1 s and max_interval 60 s.",
    ),
    "bounds that exclude each other": ("[heartbeat]\nmin_interval = 61", "heartbeat.interval", None),
    "limit above its bound": (
        "[heartbeat]\nmisses = 1000",
        "heartbeat.misses",
        "interval times misses is 5000 s, which is not within min_limit 3 s and max_limit 600 s.",
    ),
}


@pytest.mark.parametrize(("text", "path", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_wrong_ones_are_named(text, path, sentence):
    (problem,) = problems_of(text)
    assert problem[0] == path
    assert sentence is None or problem[1] == sentence
    assert problem[1].endswith(".") or problem[1].endswith("?")
    assert problem[1].isprintable()


def test_all_mistakes_are_named_at_once():
    found = problems_of("""
        dta = 1
        data = 2
        [[listen]]
        endpoint = "tcp:7411"
        [[listen]]
        endpoint = "unix:/x"
        backlog = 0
        [[listen]]
        endpoint = "unix:/y"
        max_segment = -1
        [heartbeat]
        misses = 500
        [log]
        format = "xml"
        colour = true
    """)
    assert {path for path, _sentence in found} == {
        "dta",
        "data",
        "listen[0].endpoint",
        "listen[1].backlog",
        "listen[2].max_segment",
        "heartbeat.misses",
        "log.format",
        "log.colour",
    }


LOCAL = {
    "loopback": "tcp:7411:interface=127.0.0.1",
    "another loopback": "tcp:7411:interface=127.9.9.9",
    "loopback of IPv6": r"tcp6:7411:interface=\:\:1",
    "mapped loopback": r"tcp6:7411:interface=\:\:ffff\:127.0.0.1",
    "unix": "unix:/tmp/x:mode=660:lockfile=0",
    "any port": "tcp:0:interface=127.0.0.1",
    "a wrapped one": "haproxy:tcp:7411:interface=127.0.0.1",
    "a unix socket of systemd": "systemd:domain=UNIX:index=0",
}

OPEN = {
    "all": "tcp:7411",
    "all of both": "tcp6:7411",
    "a public address": "tcp:7411:interface=192.0.2.1",
    "the unspecified address": "tcp:7411:interface=0.0.0.0",
    "wrapped": "haproxy:tcp:7411",
    "a socket of systemd": "systemd:domain=INET:index=0",
}


@pytest.mark.parametrize("endpoint", LOCAL.values(), ids=LOCAL.keys())
def test_plain_text_within_the_machine(endpoint):
    assert merge(Config(), listen=[endpoint]).listen == (ListenConfig(endpoint=endpoint),)


@pytest.mark.parametrize("endpoint", OPEN.values(), ids=OPEN.keys())
def test_plain_text_beyond_the_machine_needs_a_word(endpoint, pems):
    with pytest.raises(ConfigError, match="speaks plain text beyond this machine"):
        merge(Config(), listen=[endpoint])
    assert merge(Config(allow_plaintext=True), listen=[endpoint]).listen[0].endpoint == endpoint
    text = f"[[listen]]\nendpoint = '{endpoint}'\n"
    assert parse(f"allow_plaintext = true\n{text}")
    assert parse(f"{text}allow_plaintext = true")
    assert parse(f"{text}certificate = '{pems}/one.crt'\nkey = '{pems}/one.key'").listen[0].tls


@pytest.mark.parametrize(
    "endpoint", ["stdio:", "tcp:x", "", "tcp:1:interface=eth0", "ssl:1:privateKey=/nope", "tcp:1:colour=red"]
)
def test_wrong_endpoints_are_refused(endpoint):
    with pytest.raises(ConfigError, match=r"^--listen: "):
        merge(Config(), listen=[endpoint])


def test_an_ssl_endpoint_is_tls_by_itself(pems):
    endpoint = f"ssl:7411:privateKey={pems}/one.key:certKey={pems}/one.crt"
    assert merge(Config(), listen=[endpoint]).listen[0].endpoint == endpoint
    (problem,) = problems_of(
        f"[[listen]]\nendpoint = '{endpoint}'\ncertificate = '{pems}/one.crt'\nkey = '{pems}/one.key'"
    )
    assert problem == (
        "listen[0].certificate",
        "an ssl: endpoint has its own certificate; write tcp: with this one.",
    )


FILES = {
    "no key": ("one.crt", "", "certificate", "certificate and key go together; key is missing."),
    "no certificate": ("", "one.key", "key", "certificate and key go together; certificate is missing."),
    "not there": ("nope", "one.key", "certificate", "{0}/nope cannot be read: No such file or directory."),
    "a folder": ("one.crt", ".", "key", "{0}/. cannot be read: Is a directory."),
    "text": ("text", "one.key", "certificate", "{0}/text holds no certificate in PEM form."),
    "no key within": ("one.crt", "one.crt", "key", "{0}/one.crt holds no private key in PEM form."),
    "locked": (
        "one.crt",
        "one.locked.key",
        "key",
        "{0}/one.locked.key is encrypted; the daemon needs it without a password.",
    ),
    "another's": (
        "one.crt",
        "two.key",
        "key",
        "{0}/two.key is not the key of the first certificate in {0}/one.crt.",
    ),
}


@pytest.mark.parametrize(("certificate", "key", "path", "sentence"), FILES.values(), ids=FILES.keys())
def test_certificates(certificate, key, path, sentence, pems):
    lines = [
        f"{name} = '{pems}/{file}'" for name, file in (("certificate", certificate), ("key", key)) if file
    ]
    (problem,) = problems_of("\n".join(["[[listen]]", *lines]))
    assert problem == (f"listen[0].{path}", sentence.format(pems))


ASKS = "client_certificates = 'required'\n"
OURS = "certificate = '{0}/one.crt'\nkey = '{0}/one.key'\n"
CLIENTS = {
    "no authorities": (
        ASKS + OURS,
        "client_certificates",
        "client_ca is missing: the file with the authorities that sign the clients' certificates.",
    ),
    "no file": (
        ASKS + OURS + "client_ca = '{0}/none'",
        "client_ca",
        "{0}/none cannot be read: No such file or directory.",
    ),
    "no certificate": (
        ASKS + OURS + "client_ca = '{0}/text'",
        "client_ca",
        "{0}/text holds no certificate in PEM form.",
    ),
    "authorities for nothing": (
        OURS + "client_ca = '{0}/two.crt'",
        "client_ca",
        'no client is asked for a certificate; say client_certificates = "optional" or "required".',
    ),
    "plain text": (
        ASKS + "client_ca = '{0}/two.crt'",
        "client_certificates",
        "clients show certificates over TLS alone; give certificate and key.",
    ),
}


@pytest.mark.parametrize(("lines", "path", "sentence"), CLIENTS.values(), ids=CLIENTS.keys())
def test_certificates_of_clients(lines, path, sentence, pems):
    (problem,) = problems_of("[[listen]]\n" + lines.format(pems))
    assert problem == (f"listen[0].{path}", sentence.format(pems))


def test_a_listener_that_asks_for_certificates(pems):
    listen = parse("[[listen]]\n" + (ASKS + OURS + "client_ca = '{0}/two.crt'").format(pems)).listen[0]
    assert (listen.client_certificates, listen.client_ca) == ("required", f"{pems}/two.crt")


UNREADABLE = {
    "no TOML": (b"data = \n", "the file is not TOML: Invalid value (at line 1, column 8)."),
    "no UTF-8": (b"\n# \xff\n", "line 2 is not UTF-8."),
    "too deep": (b"a = " + b"[" * 100_000, "the file is nested too deeply."),
}


@pytest.mark.parametrize(("data", "sentence"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_files_that_cannot_be_read(data, sentence, tmp_path):
    file = tmp_path / "chatd.toml"
    file.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(caught.value) == sentence


def test_no_file(tmp_path):
    with pytest.raises(ConfigError, match=r"^the file cannot be read: No such file or directory\.$"):
        load(tmp_path / "nope")


def test_the_command_line_beats_the_file():
    config = Config(listen=(ListenConfig(endpoint="unix:/a"),), log=LogConfig(level="debug"))
    assert merge(config) == config
    merged = merge(config, data="/b", listen=["unix:/b", "unix:/c"])
    assert merged.data == "/b"
    assert [listen.endpoint for listen in merged.listen] == ["unix:/b", "unix:/c"]
    assert merged.log == config.log


def test_wrong_options_are_named():
    with pytest.raises(ConfigError) as caught:
        merge(Config(), data="", listen=["tcp:1", "tcp:x"])
    assert [problem.path for problem in caught.value.problems] == ["--data", "--listen", "--listen"]


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


configs = st.builds(
    Config,
    data=st.text(st.characters(exclude_categories=["C"]), min_size=1),
    allow_plaintext=st.booleans(),
    listen=st.lists(
        st.builds(
            ListenConfig,
            endpoint=st.from_regex(r"unix:/[a-z]{1,9}", fullmatch=True),
            backlog=st.integers(1, 65535),
            max_segment=st.sampled_from([0, 88, 1200]),
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda listen: listen.endpoint,
    ).map(tuple),
    heartbeat=st.builds(HeartbeatConfig, interval=numbers(1, 60), misses=st.integers(3, 10)),
    limits=st.builds(LimitsConfig, hello_timeout=numbers(0.1, 100)),
    session=st.builds(SessionConfig, expire_days=numbers(0.1, 1000)),
    retention=st.builds(RetentionConfig, events=st.integers(0, 2**53 - 1), days=numbers(0, 1000)),
    drain=st.builds(DrainConfig, window=numbers(0, 3600)),
    log=st.builds(
        LogConfig, format=st.sampled_from(["text", "json"]), level=st.sampled_from(["debug", "critical"])
    ),
)


def toml(value):
    """Write what `Config` can hold as inline TOML, independently of any library."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else json.dumps(value)


@given(configs)
def test_what_is_written_is_read(config):
    table = msgspec.to_builtins(config)
    assert parse("\n".join(f"{key} = {toml(value)}" for key, value in table.items())) == config


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats().filter(math.isfinite) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["interval", "endpoint", "x", "format", "certificate"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from([*Config.__struct_fields__, "x"]), junk.filter(lambda v: v is not None))
)
def test_whatever_the_file_says_it_is_read_or_refused(table):
    text = "\n".join(f"{key} = {toml(_without_none(value))}" for key, value in table.items())
    try:
        assert isinstance(parse(text), Config)
    except (ConfigError, ValueError) as error:
        assert str(error)


def _without_none(value):
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value if item is not None] if isinstance(value, list) else value


RELAYED = """
[[listen]]
endpoint = "tcp:7411:interface=127.0.0.1"
proxy_protocol = true
"""

WRONG_RELAYS = {
    "no relays": ("", "listen[0].trusted", "proxy_protocol needs the networks that the relay connects from"),
    "none of them": ("trusted = []", "listen[0].trusted", "proxy_protocol needs the networks"),
    "a name": ('trusted = ["10.0.0.1", "relay"]', "listen[0].trusted[1]", "'relay' is not a network"),
    "host bits": ('trusted = ["10.0.0.1/8"]', "listen[0].trusted[0]", "'10.0.0.1/8' is not a network"),
    "mapped": ('trusted = ["::ffff:10.0.0.0/104"]', "listen[0].trusted[0]", "is not a network"),
    "a text": ('trusted = "10.0.0.0/8"', "listen[0].trusted", "expected a list, in [brackets], of a text"),
    "a number": ("trusted = [10]", "listen[0].trusted", "expected a list, in [brackets], of a text"),
}


@pytest.mark.parametrize(
    "origin",
    [
        "https://chat.example.org/",
        "https://chat.example.org/page",
        "https://Chat.example.org",
        "https://chat.example.org:443",
        "http://chat.example.org:80",
        "chat.example.org",
        "ftp://chat.example.org",
        "*",
        "null",
    ],
)
def test_what_no_browser_names_is_no_origin(origin):
    ((path, sentence),) = problems_of(f"[[listen]]\nprotocol = 'web'\norigins = ['https://a', '{origin}']")
    assert path == "listen[0].origins[1]"
    assert "is not what a browser names; write it as https://chat.example.org" in sentence


def test_a_password_is_said_to_irc_alone():
    assert parse("[[listen]]\nprotocol = 'irc'\npassword = 'x y'").listen[0].password == "x y"
    ((path, sentence),) = problems_of("[[listen]]\npassword = 'x'")
    assert (path, sentence.partition(";")[0]) == ("listen[0].password", "password has no effect here")


def test_clients_of_irc_come_by_websocket_too():
    (listen,) = parse(
        "[[listen]]\nprotocol = 'irc'\nwebsocket = true\norigins = ['https://a.example']"
    ).listen
    assert listen.speaks == "irc-websocket"
    ((path, sentence),) = problems_of("[[listen]]\nprotocol = 'web'\nwebsocket = true")
    assert (path, sentence.partition(";")[0]) == ("listen[0].websocket", "websocket has no effect here")


def test_origins_are_named_where_browsers_come():
    named = "origins = ['https://chat.example.org', 'http://[::1]:7480', 'http://localhost:7480']"
    assert len(parse(f"[[listen]]\nprotocol = 'web'\n{named}").listen[0].origins) == 3
    ((path, sentence),) = problems_of(f"[[listen]]\n{named}")
    assert (path, sentence.partition(";")[0]) == ("listen[0].origins", "origins has no effect here")


@pytest.mark.parametrize(("text", "path", "sentence"), WRONG_RELAYS.values(), ids=WRONG_RELAYS.keys())
def test_wrong_relays_are_named(text, path, sentence):
    found = problems_of(RELAYED + text)
    assert found[0][0] == path
    assert sentence in found[0][1]
    assert found[0][1].endswith(".")


def test_relays_need_the_header_and_the_header_comes_before_tls(pems):
    listen = '[[listen]]\nendpoint = "unix:/tmp/x"\ntrusted = ["unix"]'
    assert problems_of(listen) == [
        ("listen[0].trusted", "trusted has no effect alone; say proxy_protocol = true or leave it out.")
    ]
    assert parse(f"{listen}\nproxy_protocol = true").listen[0].trusted == ("unix",)
    ssl = f"ssl:7411:privateKey={pems}/one.key:certKey={pems}/one.crt"
    found = problems_of(f"[[listen]]\nendpoint = '{ssl}'\ntrusted = ['10.0.0.0/8']\nproxy_protocol = true")
    assert [path for path, _ in found] == ["listen[0].endpoint"]


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.1.2.3", False),
        ("2001:db8:7::1", True),
        ("2001:db8:8::1", False),
        ("fe80::1%eth0", True),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
        ("unix", False),
        ("", False),
    ],
)
def test_who_is_trusted(host, trusted):
    assert (host in Trusted(["10.0.0.0/8", "2001:db8:7::/48", "fe80::/10", "192.0.2.1"])) is trusted


def test_a_unix_socket_is_trusted_by_name():
    assert "unix" in Trusted(["unix"])
    assert "10.0.0.1" not in Trusted(["unix"])

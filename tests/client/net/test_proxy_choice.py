"""How proxies are written, which one is chosen, and that no password shows."""

import pytest

from chatd.client.core.address import parse_address
from chatd.client.core.problems import ClientError
from chatd.client.core.proxy import Proxy, parse_proxy
from chatd.client.net.proxies.choice import choose_proxy, is_exempt

WRITTEN = {
    "http://proxy.example:8888": Proxy("http", "proxy.example", 8888),
    "proxy.example:8888": Proxy("http", "proxy.example", 8888),
    "proxy.example": Proxy("http", "proxy.example", 80),
    "HTTP://10.0.0.2": Proxy("http", "10.0.0.2", 80),
    "https://proxy.example/": Proxy("https", "proxy.example", 443),
    "socks5://[::1]": Proxy("socks5", "::1", 1080),
    " socks5h://[fe80::1%eth0]:1081 ": Proxy("socks5h", "fe80::1%eth0", 1081),
    "http://ann:secret@h:1": Proxy("http", "h", 1, b"ann", b"secret"),
    "ann:secret@h:1": Proxy("http", "h", 1, b"ann", b"secret"),
    "socks5://ann@h:1": Proxy("socks5", "h", 1, b"ann", b""),
    "http://a%40b:%C3%A4%3A%2F@h:1": Proxy("http", "h", 1, b"a@b", "ä:/".encode()),
    "http://ann:p@ss:w/o?r#d@h:1": Proxy("http", "h", 1, b"ann", b"p@ss:w/o?r#d"),
    "socks5://a%3Ab:c@h:1": Proxy("socks5", "h", 1, b"a:b", b"c"),
    f"socks5://{'a' * 255}:{'b' * 255}@h:1": Proxy("socks5", "h", 1, b"a" * 255, b"b" * 255),
}

WRONG = [
    "",
    "http://",
    "http://ann:hush@",
    "http://ann:hush@:8888",
    "http://ann:hush@h:0",
    "http://ann:hush@h:65536",
    "http://ann:hush@h:123456",
    "http://ann:hush@h:8888/path",
    "http://ann:hush@h i:8888",
    "http://ann:hush@[::1:8888",
    "http://ann:hush",
    "ftp://ann:hush@h:1",
    "socks4://ann:hush@h:1",
    "socks://ann:hush@h:1",
    "ann:hush://h:1",
    "http://a%3An:hush@h:1",
    f"socks5h://ann:hush{'x' * 255}@h:1",
    f"socks5://{'x' * 256}:hush@h:1",
]


@pytest.mark.parametrize(("text", "proxy"), WRITTEN.items(), ids=WRITTEN.keys())
def test_what_is_written_is_understood(text, proxy):
    assert parse_proxy(text) == proxy


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_a_sentence_without_the_password(text):
    with pytest.raises(ClientError) as caught:
        parse_proxy(text, "$ALL_PROXY")
    assert caught.value.code == "bad-proxy"
    assert "$ALL_PROXY" in caught.value.text
    assert "socks5h://" in caught.value.text
    assert "hush" not in caught.value.text


def test_an_unknown_scheme_is_named():
    with pytest.raises(ClientError, match="The proxy in --proxy begins with socks4://; write http://, "):
        parse_proxy("socks4://h:1")


@pytest.mark.parametrize("host", ["h", "::1"])
def test_a_proxy_shows_its_place_and_no_password(host):
    proxy = Proxy("http", host, 8888, b"ann", b"hush")
    assert str(proxy) == ("h:8888" if host == "h" else "[::1]:8888")
    assert "hush" not in repr(proxy) + proxy.with_name


FAR = "chat.example.org:7411"

ENVIRONMENTS = [
    ({}, FAR, None),
    ({"HTTPS_PROXY": "http://a:1"}, FAR, "a:1"),
    ({"https_proxy": "http://a:1"}, FAR, "a:1"),
    ({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1"}, FAR, "a:1"),
    ({"https_proxy": "", "HTTPS_PROXY": "http://b:1"}, FAR, "b:1"),
    ({"https_proxy": " ", "ALL_PROXY": "socks5://c:1"}, FAR, "c:1"),
    ({"ALL_PROXY": "socks5://c:1", "HTTPS_PROXY": "http://b:1"}, FAR, "b:1"),
    ({"all_proxy": "socks5://c:1", "ALL_PROXY": "socks5://d:1"}, FAR, "c:1"),
    ({"all_proxy": "socks5://c:1"}, "tls://chat.example.org", "c:1"),
    ({"http_proxy": "http://a:1", "HTTP_PROXY": "http://a:1"}, FAR, None),
    ({"ALL_PROXY": "socks5://c:1", "NO_PROXY": "example.org"}, FAR, None),
    ({"ALL_PROXY": "socks5://c:1", "no_proxy": "example.com", "NO_PROXY": "example.org"}, FAR, "c:1"),
    ({"ALL_PROXY": "socks5://c:1", "no_proxy": "", "NO_PROXY": "example.org"}, FAR, None),
    ({"ALL_PROXY": "nonsense://", "NO_PROXY": "*"}, FAR, None),
    ({"ALL_PROXY": "socks5://c:1"}, "unix:/run/chatd.sock", None),
    ({"ALL_PROXY": "socks5://c:1"}, "localhost", None),
    ({"ALL_PROXY": "socks5://c:1"}, "LocalHost.:7411", None),
    ({"ALL_PROXY": "socks5://c:1"}, "a.localhost", None),
    ({"ALL_PROXY": "socks5://c:1"}, "notlocalhost", "c:1"),
    ({"ALL_PROXY": "socks5://c:1"}, "127.0.0.1", None),
    ({"ALL_PROXY": "socks5://c:1"}, "tls://127.8.9.1", None),
    ({"ALL_PROXY": "socks5://c:1"}, "127.1", None),
    ({"ALL_PROXY": "socks5://c:1"}, "[::1]:7411", None),
    ({"ALL_PROXY": "socks5://c:1"}, "[::ffff:127.0.0.1]:7411", None),
    ({"ALL_PROXY": "socks5://c:1"}, "0.0.0.0:7411", None),
    ({"ALL_PROXY": "socks5://c:1"}, "128.0.0.1:7411", "c:1"),
]


@pytest.mark.parametrize(("environment", "server", "proxy"), ENVIRONMENTS)
def test_the_environment_chooses(environment, server, proxy):
    chosen = choose_proxy(None, environment, parse_address(server))
    assert (chosen and str(chosen)) == proxy


def test_the_named_proxy_wins_even_for_this_machine():
    environment = {"HTTPS_PROXY": "http://a:1", "NO_PROXY": "*"}
    assert str(choose_proxy("socks5://b:1", environment, parse_address("127.0.0.1"))) == "b:1"


@pytest.mark.parametrize("none", ["none", "NONE", " none "])
def test_none_switches_the_environment_off(none):
    assert choose_proxy(none, {"HTTPS_PROXY": "nonsense://"}, parse_address(FAR)) is None


def test_what_is_wrong_in_the_environment_names_its_variable():
    with pytest.raises(ClientError, match=r"The proxy in \$all_proxy begins with socks://"):
        choose_proxy(None, {"all_proxy": "socks://a:1"}, parse_address(FAR))


EXEMPT = [
    ("*", "anything", True),
    ("", "anything", False),
    (" , ,", "anything", False),
    ("example.org", "example.org", True),
    ("example.org", "EXAMPLE.org.", True),
    ("Example.Org.", "example.org", True),
    ("example.org", "chat.example.org", True),
    (".example.org", "chat.example.org", True),
    (".example.org", "example.org", True),
    ("*.example.org", "chat.example.org", True),
    ("example.org", "badexample.org", False),
    ("chat.example.org", "example.org", False),
    (".", "example.org", False),
    ("*.", "example.org", False),
    ("a.example,b.example", "b.example", True),
    ("a.example  b.example", "b.example", True),
    ("a.example,\tb.example", "b.example", True),
    ("example.org:7411", "example.org", True),
    ("example.org:7412", "example.org", False),
    ("10.0.0.2", "10.0.0.2", True),
    ("10.0.0.2:7411", "10.0.0.2", True),
    ("10.0.0.2:80", "10.0.0.2", False),
    ("10.0.0", "10.0.0.2", False),
    ("0.2", "10.0.0.2", False),
    ("10.0.0.0/8", "10.200.3.4", True),
    ("10.0.0.1/8", "10.200.3.4", True),
    ("10.0.0.0/8", "11.0.0.1", False),
    ("10.0.0.0/8", "chat.example.org", False),
    ("10.0.0.0/99", "10.0.0.1", False),
    ("nonsense/8", "10.0.0.1", False),
    ("2001:db8::1", "2001:db8:0::1", True),
    ("[2001:db8::1]", "2001:db8::1", True),
    ("[2001:db8::1]:7411", "2001:db8::1", True),
    ("[2001:db8::1]:80", "2001:db8::1", False),
    ("2001:db8::/32", "2001:db8:5::1", True),
    ("2001:db8::/32", "10.0.0.1", False),
    ("10.0.0.0/8", "::ffff:10.0.0.1", True),
    ("[[", "10.0.0.1", False),
]


@pytest.mark.parametrize(("exempt", "host", "expected"), EXEMPT)
def test_exemptions(exempt, host, expected):
    assert is_exempt(host, 7411, exempt) is expected

"""What is said to proxies and understood of them, however their answers are cut; no I/O."""

import base64
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.client.core.problems import ClientError
from chatd.client.core.proxy import Proxy, parse_proxy
from chatd.client.net.proxies.http_connect import MAX_ANSWER, HttpConnect
from chatd.client.net.proxies.negotiation import ProxyError
from chatd.client.net.proxies.socks import Socks5

PLAIN = parse_proxy("http://h:1")
NAMED = parse_proxy("http://ann:hush@h:1")
SOCKS = parse_proxy("socks5h://h:1")
SOCKS_NAMED = parse_proxy("socks5h://ann:hush@h:1")

EARLY = st.binary(max_size=40)


def feed(negotiation, data, cuts=()):
    """Feed ``data`` cut into pieces as a transport would; return what was said, and what came early."""
    said, edges = b"", [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    rest = b""
    for begin, end in pairwise(edges):
        piece = data[begin:end]
        if negotiation.rest is not None:
            rest += piece  # the endpoint hands this on by itself
        elif piece:
            said += negotiation.receive(piece)
    return said, None if negotiation.rest is None else negotiation.rest + rest


def dribbles(data):
    return range(1, len(data))


# ---- HTTP ------------------------------------------------------------

ESTABLISHED = {
    "tinyproxy": b"HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n",
    "squid": b"HTTP/1.1 200 Connection established\r\n\r\n",
    "no reason": b"HTTP/1.1 200 \r\n\r\n",
    "another success": b"HTTP/1.1 204 Fine\r\n\r\n",
    "a length that means nothing": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "an interim answer": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nVia: x\n\n",
}


@pytest.mark.parametrize("answer", ESTABLISHED.values(), ids=ESTABLISHED.keys())
@given(early=EARLY, cuts=st.lists(st.integers(0, 200), max_size=5))
def test_http_opens_and_loses_nothing_that_comes_early(answer, early, cuts):
    negotiation = HttpConnect(PLAIN, "chat.example", 7411)
    negotiation.begin()
    assert feed(negotiation, answer + early, cuts) == (b"", early)


def test_http_answers_may_come_byte_by_byte():
    answer = ESTABLISHED["tinyproxy"] + b"early"
    negotiation = HttpConnect(PLAIN, "chat.example", 7411)
    negotiation.begin()
    assert feed(negotiation, answer, dribbles(answer)) == (b"", b"early")


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("chat.example", b"chat.example:7411"),
        ("10.0.0.1", b"10.0.0.1:7411"),
        ("2001:db8::1", b"[2001:db8::1]:7411"),
    ],
)
def test_http_asks_by_name(host, target):
    first, *headers = HttpConnect(PLAIN, host, 7411).begin().split(b"\r\n")
    assert first == b"CONNECT " + target + b" HTTP/1.1"
    assert headers == [b"Host: " + target, b"", b""]


@pytest.mark.parametrize("password", [b"hush", b"", b"a:b", "pässwörd".encode(), b"x" * 300])
def test_http_authenticates(password):
    asked = HttpConnect(Proxy("http", "h", 1, b"ann", password), "chat.example", 7411).begin()
    (line,) = [line for line in asked.split(b"\r\n") if line.startswith(b"Proxy-Authorization: Basic ")]
    assert base64.b64decode(line.split()[-1], validate=True) == b"ann:" + password


def refusal(negotiation, answer, cuts=()):
    with pytest.raises(ProxyError) as caught:
        feed(negotiation, answer, cuts)
    assert negotiation.rest is None
    assert "hush" not in repr(caught.value) + caught.value.words
    return caught.value


WANTS = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: "

WANTED = "407 Proxy Authentication Required"

UNREACHED = "could not reach the server ({}); it is not running, or not known or reachable there"

HTTP_REFUSALS = [
    (PLAIN, b"HTTP/1.1 502 Bad Gateway\r\n\r\n", UNREACHED.format("502 Bad Gateway"), ""),
    (
        PLAIN,
        b"HTTP/1.1 503 \r\nContent-Length: 3\r\n\r\nabc",
        UNREACHED.format("503 Service Unavailable"),
        "",
    ),
    (PLAIN, b"HTTP/1.1 500 Unable to connect\r\n\r\n", UNREACHED.format("500 Unable to connect"), ""),
    (PLAIN, b"HTTP/1.1 404 No such domain\r\n\r\n", UNREACHED.format("404 No such domain"), ""),
    (PLAIN, b"HTTP/1.1 599 \r\n\r\n", "refused: 599", "slow"),
    (
        PLAIN,
        b"HTTP/1.1 403 \xe2\x98\xa0\x80\x9bNo\r\n\r\n",
        "lets nobody through to port 7411 (403 ☠��No); most allow only 443: ask for a listener there",
        "slow",
    ),
    (
        PLAIN,
        b"HTTP/1.1 302 Found\r\nLocation: x\r\n\r\n",
        "answers with a web page (302 Found); perhaps this network wants you to log in first",
        "slow",
    ),
    (
        PLAIN,
        b"HTTP/1.1 400 " + b"x" * 500 + b"\r\n\r\n",
        f"makes no connections (400 {'x' * 80}): it is a web server, or knows no CONNECT; name another",
        "slow",
    ),
    (
        PLAIN,
        WANTS + b'Basic realm="x"\r\n\r\n',
        f"refused: {WANTED}; it wants a name and a password: http://USER:PASSWORD@h:1.",
        "proxy-authentication",
    ),
    (
        NAMED,
        WANTS + b'basic realm="x"\r\n\r\n',
        f"refused: {WANTED}; look at the name and the password.",
        "proxy-authentication",
    ),
    (
        NAMED,
        b"HTTP/1.0 401 Unauthorized\r\n\r\n",
        "refused: 401 Unauthorized; look at the name and the password.",
        "proxy-authentication",
    ),
    (
        NAMED,
        WANTS + b"Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n",
        f"refused: {WANTED}; it wants Negotiate, NTLM, and chatd knows Basic authentication only.",
        "proxy-authentication",
    ),
    (
        NAMED,
        WANTS + b"Negotiate\r\nProxy-Authenticate: Basic\r\n\r\n",
        f"refused: {WANTED}; look at the name and the password.",
        "proxy-authentication",
    ),
    (PLAIN, b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP", "slow"),
    (PLAIN, b"\x15\x03\x03\x00\x02\x02\x28\r\n", "does not speak HTTP", "slow"),
    (PLAIN, b"HTTP/1.1 200 OK\r\nA: " + b"x" * MAX_ANSWER, "does not speak HTTP", "slow"),
    (PLAIN, b"x" * (MAX_ANSWER + 1), "does not speak HTTP", "slow"),
]


@pytest.mark.parametrize(
    ("proxy", "answer", "words", "code"), HTTP_REFUSALS, ids=[row[2][:40] for row in HTTP_REFUSALS]
)
@pytest.mark.parametrize("cuts", [(), (1, 10, 30, 60)])
def test_http_refusals_are_told(proxy, answer, words, code, cuts):
    negotiation = HttpConnect(proxy, "chat.example", 7411)
    negotiation.begin()
    error = refusal(negotiation, answer, cuts)
    assert (error.words, "slow" if error.slow else error.code, error.answered) == (words, code, True)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8))
def test_garbage_never_opens_http(pieces):
    check_garbage(HttpConnect(NAMED, "chat.example", 7411), pieces)


def check_garbage(negotiation, pieces):
    negotiation.begin()
    try:
        for piece in pieces:
            if negotiation.rest is None:
                negotiation.receive(piece)
    except ProxyError as error:
        assert "hush" not in error.words


# ---- SOCKS ------------------------------------------------------------

V4 = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x1c\xf3"
REPLIES = {
    "IPv4": V4,
    "IPv6": b"\x05\x00\x00\x04" + bytes(16) + b"\x1c\xf3",
    "a name": b"\x05\x00\x00\x03\x05proxy\x1c\xf3",
    "a long name": b"\x05\x00\x00\x03\xff" + b"x" * 255 + b"\x1c\xf3",
    "an empty name": b"\x05\x00\x00\x03\x00\x1c\xf3",
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
@pytest.mark.parametrize("named", [False, True])
@given(early=EARLY, cuts=st.lists(st.integers(0, 300), max_size=6))
def test_socks_opens_and_loses_nothing_that_comes_early(reply, named, early, cuts):
    negotiation = Socks5(SOCKS_NAMED if named else SOCKS, "chat.example", 7411)
    assert negotiation.begin() == (b"\x05\x02\x00\x02" if named else b"\x05\x01\x00")
    answers = b"\x05\x02\x01\x00" if named else b"\x05\x00"
    said, rest = feed(negotiation, answers + reply + early, cuts)
    name = b"\x01\x03ann\x04hush" if named else b""
    assert said == name + b"\x05\x01\x00\x03\x0cchat.example\x1c\xf3"
    assert rest == early


def test_socks_answers_may_come_byte_by_byte():
    answer = b"\x05\x02\x01\x00" + REPLIES["a long name"] + b"early"
    negotiation = Socks5(SOCKS_NAMED, "chat.example", 7411)
    negotiation.begin()
    assert feed(negotiation, answer, dribbles(answer))[1] == b"early"


@pytest.mark.parametrize(
    ("host", "packed"),
    [
        ("10.0.0.1", b"\x01\x0a\x00\x00\x01"),
        ("::1", b"\x04" + bytes(15) + b"\x01"),
        ("x" * 255, b"\x03\xff" + b"x" * 255),
    ],
)
def test_socks_asks_for_any_kind_of_address(host, packed):
    negotiation = Socks5(SOCKS, host, 7411)
    negotiation.begin()
    assert negotiation.receive(b"\x05\x00") == b"\x05\x01\x00" + packed + b"\x1c\xf3"


def test_a_proxy_may_want_no_name_though_there_is_one():
    negotiation = Socks5(SOCKS_NAMED, "chat.example", 7411)
    negotiation.begin()
    assert negotiation.receive(b"\x05\x00").startswith(b"\x05\x01\x00\x03")


AUTH = "proxy-authentication"
METHODS = "refused: none of our methods of authentication will do; "
STRANGE = "does not speak SOCKS5"


def test_a_refusal_of_the_usual_port_sends_nobody_there():
    negotiation = HttpConnect(PLAIN, "::1", 443)
    negotiation.begin()
    error = refusal(negotiation, b"HTTP/1.1 403 Forbidden\r\n\r\n")
    assert error.words == "does not let you through to [::1]:443 (403 Forbidden); ask whoever keeps it"
    assert error.slow


SOCKS_REFUSALS = [
    (SOCKS, b"\x05\xff", f"{METHODS}it wants a name and a password: socks5h://USER:PASSWORD@h:1.", AUTH),
    (SOCKS_NAMED, b"\x05\xff", f"{METHODS}look at the name and the password.", AUTH),
    (
        SOCKS_NAMED,
        b"\x05\x02\x01\x01",
        "refused: authentication failed; look at the name and the password.",
        AUTH,
    ),
    (SOCKS, b"\x05\x02", "chose a method of authentication that was not offered", "slow"),
    (SOCKS, b"\x05\x01", "chose a method of authentication that was not offered", "slow"),
    (SOCKS, b"\x05\x77", STRANGE, "slow"),
    (SOCKS, b"HTTP/1.1 400 Bad Request\r\n\r\n", STRANGE, "slow"),
    (SOCKS, b"\x04\x5b", STRANGE, "slow"),
    (SOCKS_NAMED, b"\x05\x02\x05\x00", STRANGE, "slow"),
    (SOCKS, b"\x05\x00HTTP", STRANGE, "slow"),
    (SOCKS, b"\x05\x00\x05\x00\x00\x09\x00\x00", STRANGE, "slow"),
    (SOCKS, b"\x05\x00\x05\x00\x00\x03\x02\xff\xfe\x00\x00", STRANGE, "slow"),
    *(
        (
            SOCKS,
            b"\x05\x00\x05" + bytes([code]),
            f"{words} (SOCKS reply {code})",
            "slow" if code in (2, 7, 8) else "",
        )
        for code, words in {
            1: "could not reach the server, and gives no reason; it is not running, or its name is not known"
            " there",
            2: "lets nobody through to chat.example:7411; ask whoever keeps it",
            3: "could not reach the server: the network is unreachable from there",
            4: "could not reach the server: the host is unreachable from there, or its name is not known"
            " there",
            5: "could not reach the server: nothing listens there",
            6: "could not reach the server: it is too far away",
            7: "makes no connections; name another",
            8: "does not know this kind of address; name the server in another way",
            9: "refused for no known reason",
            255: "refused for no known reason",
        }.items()
    ),
]


@pytest.mark.parametrize(
    ("proxy", "answer", "words", "code"), SOCKS_REFUSALS, ids=[row[1].hex() for row in SOCKS_REFUSALS]
)
@pytest.mark.parametrize("cuts", [(), (1, 2, 3, 4, 5)])
def test_socks_refusals_are_told(proxy, answer, words, code, cuts):
    negotiation = Socks5(proxy, "chat.example", 7411)
    negotiation.begin()
    error = refusal(negotiation, answer, cuts)
    assert (error.words, "slow" if error.slow else error.code, error.answered) == (words, code, True)


@given(
    st.lists(st.binary(min_size=1, max_size=300), max_size=8),
    st.sampled_from([b"", b"\x05\x00", b"\x05\x02"]),
)
def test_garbage_never_breaks_socks(pieces, opening):
    check_garbage(Socks5(SOCKS_NAMED, "chat.example", 7411), [opening, *pieces])


# ---- what is not installed ------------------------------------------------------------


@pytest.mark.parametrize(
    ("library", "negotiation", "proxy"), [("h11", HttpConnect, PLAIN), ("socksio", Socks5, SOCKS)]
)
def test_a_missing_library_is_named(monkeypatch, library, negotiation, proxy):
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        ClientError, match=rf"This proxy needs {library}, .* pip install 'chatd\[proxy\]'"
    ) as why:
        negotiation(proxy, "chat.example", 7411)
    assert why.value.code == "missing-library"

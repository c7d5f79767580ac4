"""SCRAM-SHA-256: the exchange of RFC 7677, and what is no exchange."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.wire import scram
from chatd.wire.scram import BadExchangeError, Exchange, make, read, read_first

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
FINAL = (
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)


def begin(password="pencil", first=FIRST):
    return Exchange(read_first(first), NONCE, make(password, SALT, 4096))


def test_the_example_of_the_rfc():
    exchange = begin()
    assert exchange.challenge == f"r=rOprNGfwEbeRWgbNEkqO{NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    assert exchange.answer(FINAL.encode()) == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_a_wrong_password_is_wrong():
    assert begin("pencils").answer(FINAL.encode()) is None


def test_a_verifier_is_read_as_it_was_written():
    made = make("pencil", SALT, 4096)
    assert made.encode().startswith("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$")
    assert read(made.encode()) == made


@pytest.mark.parametrize("text", ["", "x", "SCRAM-SHA-1$1:AA==$AA==:AA==", "SCRAM-SHA-256$0:AA==$AA==:AA=="])
def test_what_is_no_verifier(text):
    assert read(text) is None


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"p=tls-unique,,n=user,r=abc",
        b"n,a=other,n=user,r=abc",
        b"n,,n=,r=abc",
        b"n,,n=us=er,r=abc",
        b"n,,n=user,r=",
        b"n,,n=user,r=" + b"x" * 257,
        b"n,,m=ext,n=user",
        b"n,,n=user",
        b"\xff\xfe",
    ],
)
def test_what_is_no_first_message(said):
    with pytest.raises(BadExchangeError):
        read_first(said)


def test_a_name_may_have_any_character():
    assert read_first(b"y,a=a=2Cb=3Dc,n=a=2Cb=3Dc,r=x").name == "a,b=c"


@pytest.mark.parametrize(
    "said",
    [
        "",
        FINAL.replace("c=biws", "c=eSws"),
        FINAL.replace("r=rO", "r=ro"),
        FINAL.partition(",p=")[0],
        FINAL[:-8],
        FINAL.partition(",p=")[0] + ",p=AAAA",
    ],
)
def test_what_is_no_last_message(said):
    with pytest.raises(BadExchangeError):
        begin().answer(said.encode())


@given(st.binary(max_size=100))
def test_whatever_is_said_is_refused_as_it_should_be(said):
    try:
        first = read_first(said)
        Exchange(first, NONCE, make("pencil", SALT, 1)).answer(said)
    except BadExchangeError:
        pass


@settings(max_examples=50)
@given(st.text(min_size=1, max_size=20, alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_client_that_knows_the_password_is_let_in(password):
    exchange = begin(password)
    without = f"c=biws,r=rOprNGfwEbeRWgbNEkqO{NONCE}"
    salted = hashlib.pbkdf2_hmac("sha256", scram._prepared(password).encode(), SALT, 4096)
    key = hmac.digest(salted, b"Client Key", "sha256")
    signed = f"{FIRST[3:].decode()},{exchange.challenge},{without}".encode()
    signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
    shown = exchange.answer(f"{without},p={proof}".encode())
    server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
    assert shown == "v=" + base64.b64encode(server).decode()


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("\u0007", "\u0007"),
        ("\u06271", "\u06271"),
    ],
)
def test_passwords_are_prepared(password, prepared):
    """RFC 4013, section 3; what it does not allow stays as it is."""
    assert scram._prepared(password) == prepared

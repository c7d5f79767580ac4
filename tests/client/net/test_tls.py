"""TLS to the server: whose certificate is accepted, and what is said of the others."""

import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL.crypto import FILETYPE_ASN1
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import KeyPair, PrivateCertificate
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test import iosim

from chatd.client.net.reasons import ending
from chatd.client.net.tls import Authorities, Verifier
from chatd.fingerprint import fingerprint, in_words

NOW = dt.datetime.now(dt.UTC)
HOUR = dt.timedelta(hours=1)


def issue(*names, begin=NOW - HOUR, end=NOW + HOUR, called="chat.example"):
    """Return a self-signed certificate for ``names`` with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([*map(general, names)]), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    der = serialization.Encoding.DER
    private = key.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return PrivateCertificate.load(
        certificate.public_bytes(der), KeyPair.load(private, FILETYPE_ASN1), FILETYPE_ASN1
    )


def general(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Talker(Protocol):
    """Says a secret at once and keeps what it hears."""

    def __init__(self):
        self.got = b""
        self.lost = None

    def connectionMade(self):
        self.transport.write(b"secret")

    def dataReceived(self, data):
        self.got += data

    def connectionLost(self, reason):
        self.lost = reason


def transported(protocol, *, is_server):
    return protocol, iosim.FakeTransport(protocol, is_server)


def shake_hands(verifier, certificate, *wanted):
    """Return both talkers after a handshake; the server wants certificates of the authorities ``wanted``."""
    clock, client, server = Clock(), Talker(), Talker()
    near = TLSMemoryBIOFactory(verifier, True, Factory.forProtocol(lambda: client), clock=clock)
    far = TLSMemoryBIOFactory(
        certificate.options(*wanted), False, Factory.forProtocol(lambda: server), clock=clock
    )
    pump = iosim.connect(
        *transported(far.buildProtocol(None), is_server=True),
        *transported(near.buildProtocol(None), is_server=False),
        clock=clock,
    )
    for _ in range(20):
        clock.advance(0.01)
        pump.flush()
    return client, server


def pem(certificate):
    return certificate.original.to_cryptography().public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def trusting(tmp_path):
    """Return a function that writes authorities into a file, as an operator does who renews them."""

    def trusting(*certificates, replace=True):
        path = tmp_path / "ca.pem"
        new = tmp_path / "new.pem" if replace else path
        new.write_bytes(b"".join(pem(one) for one in certificates))
        new.rename(path)
        return Authorities(str(path))

    return trusting


RIGHT = [
    ("chat.example", ["chat.example"]),
    ("CHAT.example", ["other.example", "chat.example"]),
    ("a.chat.example", ["*.chat.example"]),
    ("bücher.example", ["xn--bcher-kva.example"]),
    ("127.0.0.1", ["127.0.0.1"]),
    ("2001:db8:0::1", ["2001:db8::1"]),
]


@pytest.mark.parametrize(("host", "names"), RIGHT)
def test_a_certificate_for_the_name_is_accepted(trusting, host, names):
    certificate = issue(*names)
    client, server = shake_hands(Verifier(host, f"{host}:7412", trusting(certificate)), certificate)
    assert (client.got, server.got, client.lost) == (b"secret", b"secret", None)


WRONG = [
    ("chat.example", ["other.example"]),
    ("chat.example", ["127.0.0.1"]),
    ("chat.example", ["*.chat.example"]),
    ("a.chat.example", ["*.example"]),
    ("chat.example", []),
    ("127.0.0.1", ["127.0.0.2"]),
    ("127.0.0.1", ["chat.example"]),
    ("::1", ["127.0.0.1"]),
]


@pytest.mark.parametrize(("host", "names"), WRONG)
def test_a_certificate_for_another_name_is_refused(trusting, host, names):
    certificate = issue(*names)
    verifier = Verifier(host, f"{host}:7412", trusting(certificate))
    client, server = shake_hands(verifier, certificate)
    told = ending(client.lost, verifier.ending)
    assert told.code == "bad-certificate"
    assert f"is not for the name {host}; " in told.text
    assert (client.got, server.got) == (b"", b"")


@pytest.mark.parametrize(
    ("begin", "end", "words"),
    [
        (NOW - HOUR, NOW + HOUR, "is signed by itself"),
        (NOW - 2 * HOUR, NOW - HOUR, "has expired"),
        (NOW + HOUR, NOW + 2 * HOUR, "is not valid yet"),
    ],
)
def test_a_certificate_that_is_not_good_is_refused(trusting, begin, end, words):
    certificate = issue("chat.example", begin=begin, end=end)
    trusted = issue("chat.example") if "itself" in words else certificate
    verifier = Verifier("chat.example", "chat.example:7412", trusting(trusted))
    client, server = shake_hands(verifier, certificate)
    assert words in ending(client.lost, verifier.ending).text
    assert server.got == b""


@pytest.mark.parametrize("replace", [True, False])
def test_authorities_are_read_anew_when_their_file_has_changed(trusting, replace):
    old, new = issue("chat.example"), issue("chat.example")
    verifier = Verifier("chat.example", "chat.example:7412", trusting(old))
    assert shake_hands(verifier, new)[1].got == b""
    trusting(new, replace=replace)
    assert shake_hands(verifier, new)[1].got == b"secret"
    client, server = shake_hands(verifier, old)
    assert "signed by itself" in ending(client.lost, verifier.ending).text
    assert server.got == b""
    trusting(old, replace=replace)
    assert shake_hands(verifier, old)[1].got == b"secret"


@pytest.mark.parametrize("held", [None, b"", b"-----BEGIN CERTIFICATE-----\nhalf"])
def test_a_file_that_cannot_be_used_meanwhile_changes_nothing(trusting, tmp_path, held):
    certificate = issue("chat.example")
    verifier = Verifier("chat.example", "chat.example:7412", trusting(certificate))
    if held is None:
        (tmp_path / "ca.pem").unlink()
    else:
        (tmp_path / "ca.pem").write_bytes(held)
    assert shake_hands(verifier, certificate)[1].got == b"secret"
    other = issue("chat.example")
    trusting(other)
    assert shake_hands(verifier, other)[1].got == b"secret"


def pin_of(certificate):
    return fingerprint(certificate.original.to_cryptography())


@pytest.mark.parametrize(
    ("names", "end"),
    [(["chat.example"], NOW + HOUR), (["other.example"], NOW + HOUR), ([], NOW - HOUR / 2)],
    ids=["good", "another name", "expired"],
)
def test_a_server_that_is_known_by_its_fingerprint_needs_nothing_else(names, end):
    certificate = issue(*names, end=end)
    verifier = Verifier("chat.example", "chat.example:7412", pin=pin_of(certificate))
    client, server = shake_hands(verifier, certificate)
    assert (client.got, server.got, client.lost) == (b"secret", b"secret", None)


@pytest.mark.parametrize("trusted", [False, True])
def test_another_key_than_the_known_one_is_refused_also_if_an_authority_vouches_for_it(trusting, trusted):
    certificate, before = issue("chat.example"), pin_of(issue("chat.example"))
    authorities = trusting(certificate) if trusted else None
    verifier = Verifier("chat.example", "chat.example:7412", authorities, pin=before)
    client, server = shake_hands(verifier, certificate)
    told = ending(client.lost, verifier.ending)
    now = pin_of(certificate)
    assert (
        f"is NOT the one that you trust there: its fingerprint is {now} ({in_words(now)}), not" in told.text
    )
    assert told.text.endswith(f"--fingerprint {now}.")
    assert (told.code, told.final, told.renewable) == ("bad-certificate", True, False)
    assert (client.got, server.got) == (b"", b"")


def test_who_is_not_known_is_told_with_the_fingerprint(trusting):
    certificate = issue("chat.example")
    verifier = Verifier("chat.example", "chat.example:7412", trusting(issue("chat.example")))
    client, _ = shake_hands(verifier, certificate)
    assert f"--fingerprint {pin_of(certificate)}." in ending(client.lost, verifier.ending).text


def test_a_server_that_wants_a_certificate_is_shown_ours():
    certificate, ours = issue("chat.example"), issue("ann")
    pin = pin_of(certificate)
    verifier = Verifier("chat.example", "chat.example:7412", pin=pin, own=[ours])
    client, server = shake_hands(verifier, certificate, ours)
    assert (client.got, server.got) == (b"secret", b"secret")
    assert fingerprint(server.transport.getPeerCertificate().to_cryptography()) == pin_of(ours)


@pytest.mark.parametrize("shows", [False, True])
def test_who_shows_none_or_a_wrong_one_is_told_what_to_do(shows):
    certificate, ours = issue("chat.example"), issue("ann")
    own = [issue("ann")] if shows else []
    verifier = Verifier("chat.example", "chat.example:7412", pin=pin_of(certificate), own=own)
    client, _ = shake_hands(verifier, certificate, ours)
    told = ending(client.lost, verifier.ending)
    assert told.code == "certificate-refused"
    assert (
        "does not accept your certificate" if shows else "name it with --cert FILE --key FILE"
    ) in told.text


def test_a_server_whose_tls_takes_no_alpn_is_tried_without(trusting):
    certificate = issue("chat.example")
    verifier = Verifier("chat.example", "chat.example:7412", trusting(certificate), speaks=[b"chatd/1"])
    client, _ = shake_hands(verifier, certificate)
    if client.lost is not None:  # it depends on the release of Twisted
        assert not ending(client.lost, verifier.ending).final
        client, _ = shake_hands(verifier, certificate)
    assert client.got == b"secret"

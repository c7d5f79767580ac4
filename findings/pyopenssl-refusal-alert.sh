#!/usr/bin/env bash
# pyOpenSSL: a certificate that one's own check refuses reaches the peer as "internal error".
#
# Version    pyOpenSSL 26.4.0 with cryptography 50.0.2, whose wheels bring OpenSSL 4.0.3
# Behaviour  A verify callback that returns the library's own negative verdict sends the peer the alert that belongs
#            to it (unknown_ca, certificate_expired). One that returns False where the library has found nothing
#            wrong (for the name, a pin, a list of one's own) sends `internal_error`: an alert that says nothing of
#            certificates and makes the operator at the other end look for a fault of the TLS library. There is no
#            way to choose: pyOpenSSL does not hand the callback what X509_STORE_CTX_set_error() needs. The ssl module
#            of Python, which has OpenSSL check the name, sends bad_certificate for the same certificate.
# Seen       unknown authority: tlsv1 alert unknown ca
# Seen       expired: tls alert certificate expired
# Seen       good, but refused by the callback: tlsv1 alert internal error
# Seen       good, but refused for its name by Python's ssl module: tls alert bad certificate
# Source     OpenSSL's manual page SSL_CTX_set_verify(3) says that "a verification failure alert is sent to the
#            peer" where the callback returns 0. Its code: X509_verify_cert() turns a failure without a reason into
#            X509_V_ERR_UNSPECIFIED, and the table behind ssl_x509err2alert() turns that into internal_error.
#            pyOpenSSL's code: `_VerifyHelper` returns 0 and sets no error. Twisted verifies names in that way
#            (`_verifyCB` of twisted.internet._sslverify).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'pyOpenSSL==26.4.0' 'cryptography==50.0.2'

seen=$(timeout 60 "$work/venv/bin/python" -W ignore - <<'PY'
import ssl
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto


def certificate(days):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "chat.example")])
    now = datetime.now(timezone.utc)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(9), now + timedelta(days))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("chat.example")]), critical=False)
    return made.sign(key, hashes.SHA256()), key


def alert(days, trusted, callback):
    """Return what the server hears from a client with that callback."""
    shown, key = certificate(days)
    ours, theirs = SSL.Context(SSL.TLS_METHOD), SSL.Context(SSL.TLS_METHOD)
    theirs.use_certificate(shown)
    theirs.use_privatekey(key)
    if trusted:
        ours.get_cert_store().add_cert(crypto.X509.from_cryptography(shown))
    ours.set_verify(SSL.VERIFY_PEER, callback)
    client, server = SSL.Connection(ours), SSL.Connection(theirs)
    client.set_connect_state()
    server.set_accept_state()
    done = set()
    for _ in range(10):
        for end, other in ((client, server), (server, client)):
            try:
                end.recv(1) if end in done else end.do_handshake()
                done.add(end)
            except SSL.WantReadError:
                pass
            except SSL.Error as error:
                if end is server:
                    return error.args[0][0][2]
            try:
                other.bio_write(end.bio_read(65_536))
            except SSL.Error:
                pass
    return "none"


def alert_of_ssl(name):
    """Return what the server hears from a client of Python's ssl module that asks for that name."""
    shown, key = certificate(9)
    theirs = SSL.Context(SSL.TLS_METHOD)
    theirs.use_certificate(shown)
    theirs.use_privatekey(key)
    ours = ssl.create_default_context(cadata=shown.public_bytes(serialization.Encoding.PEM).decode())
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ours.wrap_bio(incoming, outgoing, server_hostname=name)
    server = SSL.Connection(theirs)
    server.set_accept_state()
    for _ in range(10):
        try:
            client.do_handshake()
        except ssl.SSLError:
            pass
        try:
            if outgoing.pending:
                server.bio_write(outgoing.read())
            server.do_handshake()
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            return error.args[0][0][2]
        try:
            incoming.write(server.bio_read(65_536))
        except SSL.Error:
            pass
    return "none"


def verdict(connection, certificate, fault, depth, right):
    return bool(right)


def refuse(connection, certificate, fault, depth, right):
    return False


print("unknown authority:", alert(9, False, verdict))
print("expired:", alert(-1, True, verdict))
print("good, but refused by the callback:", alert(9, True, refuse))
print("good, but refused for its name by Python's ssl module:", alert_of_ssl("other.example"))
PY
)
echo "$seen"
expected="unknown authority: tlsv1 alert unknown ca
expired: tls alert certificate expired
good, but refused by the callback: tlsv1 alert internal error
good, but refused for its name by Python's ssl module: tls alert bad certificate"
[ "$seen" = "$expected" ] || { echo "The behaviour has changed." >&2; exit 1; }

#!/usr/bin/env bash
# Twisted: a TLS server that says nothing of ALPN fails every handshake of a client that offers any protocol by it.
#
# Version    Twisted 26.10.0, pyOpenSSL 26.4.0, Python 3.11
# Behaviour  CertificateOptions without acceptableProtocols, and so every `ssl:` endpoint, installs an ALPN callback all
#            the same. Where nothing overlaps it chooses empty bytes, a name that no protocol can have, and the handshake
#            ends with the alert internal_error. RFC 7301 (3.2) knows two right answers: to go on without ALPN,
#            as a server that does not support it does, or the alert no_application_protocol. A client that
#            offers nothing by ALPN is served, so nobody notices before a client is upgraded or a proxy offers "h2".
# Seen       without ALPN: served
# Seen       with ALPN: tlsv1 alert internal error
# Source     RFC 7301, section 3.2; Twisted's `setupForALPN` in internet/_sslverify.py, where a comment supposes that
#            pyOpenSSL's NO_OVERLAPPING_PROTOCOLS is what should be returned.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    'Twisted==26.10.0' 'pyOpenSSL==26.4.0' 'service-identity' 'idna'

cd "$work"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -keyout key.pem -out cert.pem 2>/dev/null

timeout 60 venv/bin/python - <<'PY'
import socket
import ssl
import sys

from twisted.internet import endpoints, reactor, threads
from twisted.internet.protocol import Factory, Protocol


class Greeter(Protocol):
    def connectionMade(self):
        self.transport.write(b"hello")


def call(port, *offered):
    """Return what a client sees that offers the protocols ``offered`` by ALPN."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if offered:
        context.set_alpn_protocols(list(offered))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        try:
            with context.wrap_socket(plain) as tls:
                return "served" if tls.recv(5) == b"hello" else "nothing"
        except ssl.SSLError as error:
            return str(error.reason).lower().replace("_", " ")


def ask(port):
    return call(port), call(port, "example/1")


def listening(listener):
    answers = threads.deferToThread(ask, listener.getHost().port)
    answers.addCallback(seen.extend)
    answers.addErrback(lambda failure: seen.append(failure.getTraceback()))
    answers.addBoth(lambda _: reactor.stop())


seen = []
server = endpoints.serverFromString(reactor, "ssl:0:interface=127.0.0.1:privateKey=key.pem:certKey=cert.pem")
server.listen(Factory.forProtocol(Greeter)).addCallback(listening)
reactor.run()

print("without ALPN:", seen[0])
print("with ALPN:", *seen[1:])
sys.exit(seen != ["served", "tlsv1 alert internal error"])
PY

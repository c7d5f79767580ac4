#!/usr/bin/env bash
# pyOpenSSL: a TLS session that was taken for later is spoilt when its connection is let go of without a farewell.
#
# Version    pyOpenSSL 26.4.0, cryptography's OpenSSL 4.0.3, Python 3.11
# Behaviour  `Connection.get_session` returns a session that a later connection may begin with. It is the connection's
#            own, and not a copy: when the connection is freed and neither side has said close_notify, as after a link that
#            was cut, OpenSSL marks the session as not resumable, and the next handshake is a full one without a word.
#            Whoever keeps the old connection object as long as the session can resume. Just the clients of bad links, who come
#            back after a cut, get nothing from their tickets if they do not know.
# Seen       resumed, old connection kept: True
# Seen       resumed, old connection let go of: False
# Source     RFC 8446, section 2.2 (a ticket outlives its connection, however that ended); OpenSSL's manual of SSL_free and
#            SSL_shutdown ("the session is considered bad" without a shutdown).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'pyOpenSSL==26.4.0'

cd "$work"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -keyout key.pem -out cert.pem 2>/dev/null

timeout 60 venv/bin/python - <<'PY'
import gc
import sys

from OpenSSL import SSL
from OpenSSL._util import lib

server = SSL.Context(SSL.TLS_METHOD)
server.use_privatekey_file("key.pem")
server.use_certificate_file("cert.pem")
server.set_session_id(b"findings")
client = SSL.Context(SSL.TLS_METHOD)


def connect(session=None):
    """Return a client's connection that has shaken hands, and has read the tickets behind that."""
    here, there = SSL.Connection(client, None), SSL.Connection(server, None)
    here.set_connect_state()
    there.set_accept_state()
    if session is not None:
        here.set_session(session)
    for _ in range(6):
        for side, other in ((here, there), (there, here)):
            try:
                side.do_handshake()
            except SSL.WantReadError:
                pass
            try:
                other.bio_write(side.bio_read(1 << 16))
            except SSL.WantReadError:
                pass
    for side in (here, there):
        try:
            side.recv(1)
        except SSL.WantReadError:
            pass
    return here


def reused(connection):
    """Return whether the handshake was a short one; pyOpenSSL itself has no word for it."""
    return bool(lib.SSL_session_reused(connection._ssl))


first = connect()
kept = reused(connect(first.get_session()))
second = connect()
session = second.get_session()
del second
gc.collect()
lost = reused(connect(session))
print("resumed, old connection kept:", kept)
print("resumed, old connection let go of:", lost)
sys.exit((kept, lost) != (True, False))
PY

"""A look at the certificate of a server for which no authority vouches, before anything is said to it."""

import socket
import ssl

from cryptography.x509 import load_der_x509_certificate

from chatd.client.core.address import Address
from chatd.client.core.link import ATTEMPT
from chatd.client.net.tls import UNKNOWN
from chatd.fingerprint import fingerprint


def look_at(address: Address) -> str | None:
    """Return the fingerprint of the server at ``address`` if no authority vouches for it, else None.

    None as well if it cannot be reached: whoever connects then is told. This waits for the server.
    """
    try:
        with _connected(address, ssl.create_default_context()):
            return None
    except ssl.SSLCertVerificationError as error:
        if error.verify_code not in UNKNOWN:
            return None
    except (OSError, ValueError):
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with _connected(address, context) as connection:
            shown = connection.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return None
    return fingerprint(load_der_x509_certificate(shown)) if shown else None


def _connected(address: Address, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection((address.host, address.port), ATTEMPT)
    try:
        return context.wrap_socket(plain, server_hostname=address.host)
    except BaseException:
        plain.close()
        raise

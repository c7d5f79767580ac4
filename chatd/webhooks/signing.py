"""The signature of a delivery (docs/WEBHOOKS.md, "Being told what is said")."""

import hashlib
import hmac


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Return the signature of ``body``, sent at ``timestamp`` in seconds since 1970."""
    signed = b"%d.%s" % (timestamp, body)
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()

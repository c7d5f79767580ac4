"""Tells operators in words for how long the certificates of the listeners are valid."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from chatd.ops.endpoints import EndpointError, rehearse
from chatd.ops.settings import ListenConfig

AHEAD: Final = timedelta(days=14)
"""How long before its end a certificate is warned of: whatever renews it has had two chances by then."""

Chain = tuple[x509.Certificate, ...]


def chain_of(listen: ListenConfig) -> Chain:
    """Return the certificates that the listener shows to clients; none if it has none that can be read."""
    try:
        if listen.certificate:
            return tuple(x509.load_pem_x509_certificates(Path(listen.certificate).read_bytes()))
        return rehearse(listen.endpoint).chain
    except (OSError, ValueError, EndpointError):
        return ()


def source_of(listen: ListenConfig) -> str:
    """Return where the certificates of the listener are from, as operators know it."""
    return listen.certificate or listen.endpoint


def warnings(chain: Iterable[x509.Certificate], source: str, now: datetime) -> Iterator[str]:
    """Yield a sentence for each certificate of ``chain`` that is not valid, or not for much longer."""
    for place, certificate in enumerate(chain):
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        which = source if not place else f"{source}, certificate {place + 1} of its chain,"
        if now >= end:
            yield f"{which} expired on {_day(end)}: clients refuse it; renew it."
        elif now < begin:
            yield f"{which} is valid from {_day(begin)} on: clients refuse it until then; look at the clock."
        elif end - now <= AHEAD:
            yield f"{which} expires on {_day(end)}, in {_left(end - now)}; renew it."


def moment(milliseconds: int) -> datetime:
    """Return the moment ``milliseconds`` after the beginning of 1970."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _left(time: timedelta) -> str:
    hours = time // timedelta(hours=1)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"  # noqa: PLR2004 - two days

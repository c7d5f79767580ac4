"""Tells operators in words for how long the certificates of the listeners are valid."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509

from chatd.ops.endpoints import EndpointError, rehearse
from chatd.ops.settings import ListenConfig

AHEAD: Final = timedelta(days=14)
"""How long before its end a certificate is warned of: whatever renews it has had two chances by then."""

Chain = tuple[x509.Certificate, ...]


class Watched(NamedTuple):
    """Certificates that must be valid, where they are from, and what happens where one is not."""

    source: str
    chain: Chain
    consequence: str


def watched(listen: ListenConfig) -> list[Watched]:
    """Return the certificates that the listener shows, and those of the authorities that it goes by.

    What cannot be read has none.
    """
    found = [Watched(listen.certificate or listen.endpoint, _chain_of(listen), "clients refuse it")]
    if listen.client_certificates != "none":
        found.append(Watched(listen.client_ca, _load(listen.client_ca), "who shows one of its is refused"))
    return found


def _chain_of(listen: ListenConfig) -> Chain:
    if listen.certificate:
        return _load(listen.certificate)
    try:
        return rehearse(listen.endpoint).chain
    except (OSError, ValueError, EndpointError):
        return ()


def _load(file: str) -> Chain:
    try:
        return tuple(x509.load_pem_x509_certificates(Path(file).read_bytes()))
    except (OSError, ValueError):
        return ()


def warnings(of: Watched, now: datetime) -> Iterator[str]:
    """Yield a sentence for each certificate of ``of`` that is not valid, or not for much longer."""
    for place, certificate in enumerate(of.chain):
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        which = of.source if not place else f"{of.source}, certificate {place + 1} of its chain,"
        if now >= end:
            yield f"{which} expired on {_day(end)}: {of.consequence}; renew it."
        elif now < begin:
            yield f"{which} is valid from {_day(begin)} on: {of.consequence} until then; look at the clock."
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

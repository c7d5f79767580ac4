"""The fingerprint of the certificate that a client has shown."""

import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions, trustRootFromCertificates
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test import iosim

from chatd.server.fingerprint import fingerprint_of
from tests.client.net.test_tls import issue


@pytest.mark.parametrize("shows", [False, True])
def test_the_fingerprint_is_that_of_the_public_key(shows):
    clock, server = Clock(), Protocol()
    ours, theirs = issue("chat.example"), issue("ann")
    near = CertificateOptions(
        privateKey=theirs.privateKey.original if shows else None,
        certificate=theirs.original if shows else None,
        trustRoot=trustRootFromCertificates([ours]),
    )
    far = ours.options(theirs)
    far.requireCertificate = False
    sides = [
        TLSMemoryBIOFactory(far, False, Factory.forProtocol(lambda: server), clock=clock),
        TLSMemoryBIOFactory(near, True, Factory.forProtocol(Protocol), clock=clock),
    ]
    far_end, near_end = (side.buildProtocol(None) for side in sides)
    pump = iosim.connect(
        far_end,
        iosim.FakeTransport(far_end, True),
        near_end,
        iosim.FakeTransport(near_end, False),
        clock=clock,
    )
    for _ in range(20):
        clock.advance(0.01)
        pump.flush()
    key = theirs.original.to_cryptography().public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert fingerprint_of(server.transport) == (hashlib.sha256(spki).hexdigest() if shows else "")


def test_plain_text_has_no_fingerprint():
    assert fingerprint_of(iosim.FakeTransport(Protocol(), True)) == ""

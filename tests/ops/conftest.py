"""What the tests of chatd.ops share."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.end_to_end.harness.processes import environment, script
from tests.end_to_end.harness.program import finished

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def pems(tmp_path_factory):
    """Make certificates and keys; return the folder that holds them."""
    folder = tmp_path_factory.mktemp("pems")
    for name in ("one", "two"):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
        (folder / f"{name}.key").write_bytes(key.private_bytes(*form, serialization.NoEncryption()))
        locked = serialization.BestAvailableEncryption(b"x")
        (folder / f"{name}.locked.key").write_bytes(key.private_bytes(*form, locked))
    (folder / "text").write_text("hello\n")
    return folder


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a command of chatd in an empty folder and returns what became of it."""

    def run(*command, env=None):
        return finished(
            [*script(command[0]), *command[1:]],
            cwd=tmp_path,
            env=env or environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run

"""chatctl make-cert: a first certificate, whose key nobody else reads and which replaces nothing."""

import os
import ssl
import stat

import pytest
from cryptography import x509

from chatd.fingerprint import fingerprint, in_words


@pytest.fixture
def folder(tmp_path):
    os.umask(0o022)
    return tmp_path


def test_it_is_right_and_the_key_is_for_its_owner(run, folder):
    done = run("chatctl", "make-cert", "chat.example.org", "192.0.2.7", "2001:db8::1", "bücher.example")
    assert done.returncode == 0, done.stderr
    (made,) = x509.load_pem_x509_certificates((folder / "cert.pem").read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["chat.example.org", "xn--bcher-kva.example"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7", "2001:db8::1"]
    found = fingerprint(made)
    assert f"fingerprint {found}\n" in done.stdout
    assert f"in words {in_words(found)}\n" in done.stdout
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(folder / "cert.pem", folder / "key.pem")


def test_the_folder_is_made(run, folder):
    """As the manual has it for a container: --out tls."""
    assert run("chatctl", "make-cert", "--out", "tls", "localhost").returncode == 0
    assert {path.name for path in (folder / "tls").iterdir()} == {"cert.pem", "key.pem"}


@pytest.mark.parametrize("there", ["cert.pem", "key.pem"])
def test_nothing_is_replaced_unless_it_is_asked_for(run, folder, there):
    (folder / there).write_text("precious")
    done = run("chatctl", "make-cert", "localhost")
    assert done.returncode == 1
    assert (
        done.stderr
        == f"{there} is there already; name another folder with --out, or replace it with --force.\n"
    )
    assert {path.name for path in folder.iterdir()} == {there}
    assert (folder / there).read_text() == "precious"
    assert run("chatctl", "make-cert", "localhost", "--force").returncode == 0
    assert (folder / "key.pem").read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert {path.name for path in folder.iterdir()} == {"cert.pem", "key.pem"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("a" * 70,), "is no name of a host"),
        (("a..b",), "is no name of a host"),
        (("localhost", "--out", "none/none"), "cannot be written: No such file or directory."),
    ],
)
def test_mistakes_are_sentences(run, folder, arguments, sentence):
    done = run("chatctl", "make-cert", *arguments)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr

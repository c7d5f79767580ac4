"""Certificates that expire: what the operator is told, and when."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from twisted.internet.task import Clock

from chatd.ops.log import KEY
from chatd.ops.settings import ListenConfig
from chatd.server.certificate_watch import CertificateWatch

DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def issue(tmp_path):
    """Return a function that writes certificate and key, valid from and to so many days from now."""

    def issue(begin, end, name="one", key=None):
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(NOW + begin * DAY)
            .not_valid_after(NOW + end * DAY)
            .sign(key, hashes.SHA256())
        )
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        (tmp_path / f"{name}.crt").write_bytes(certificate.public_bytes(pem))
        (tmp_path / f"{name}.key").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
        return tmp_path / f"{name}.crt", tmp_path / f"{name}.key"

    return issue


def listener(how, certificate, key):
    if how == "ssl:":
        return f"endpoint = 'ssl:7412:certKey={certificate}:privateKey={key}'"
    return f"endpoint = 'tcp:7412'\ncertificate = '{certificate}'\nkey = '{key}'"


HOW = pytest.mark.parametrize("how", ["certificate and key", "ssl:"])


@HOW
@pytest.mark.parametrize(
    ("begin", "end", "sentence"),
    [
        (-30, -1, " expired on 20"),
        (1, 30, " is valid from 20"),
        (-30, 13, ", in 12 days; renew it."),
        (-30, 1, ", in 23 hours; renew it."),
        (-30, 15, None),
    ],
)
def test_a_check_warns_of_what_will_not_last(run, tmp_path, issue, how, begin, end, sentence):
    (tmp_path / "chatd.toml").write_text(f"[[listen]]\n{listener(how, *issue(begin, end))}\n")
    done = run("chatctl", "check-config", "chatd.toml")
    assert done.returncode == 0, "the daemon starts: it may have other listeners"
    if sentence is None:
        assert (done.stdout, done.stderr) == ("chatd.toml is right\n", "")
    else:
        assert done.stdout == "chatd.toml is right, but look at the warnings\n"
        (line,) = done.stderr.splitlines()
        assert line.startswith("chatd.toml: listen[0]: warning: ")
        assert sentence in line


@HOW
def test_a_key_that_does_not_fit_is_a_mistake(run, tmp_path, issue, how):
    certificate, _ = issue(-1, 99)
    _, key = issue(-1, 99, "two")
    (tmp_path / "chatd.toml").write_text(f"[[listen]]\n{listener(how, certificate, key)}\n")
    done = run("chatctl", "check-config", "chatd.toml")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert " is not the key of the " in line or "public and private keys do not match" in line


def test_a_key_that_is_too_short_is_a_mistake_before_the_start(run, tmp_path, issue):
    certificate, key = issue(-1, 99, key=rsa.generate_private_key(65537, 1024))
    (tmp_path / "chatd.toml").write_text(f"[[listen]]\n{listener('files', certificate, key)}\n")
    done = run("chatctl", "check-config", "chatd.toml")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be used: the key is too short to be safe; make one of 2048 bits, or an " in done.stderr


def client_certificates(authority):
    return f"client_certificates = 'required'\nclient_ca = '{authority}'"


@pytest.mark.parametrize(
    ("begin", "end", "sentence"),
    [
        (-30, -1, "who shows one of its is refused; renew it."),
        (1, 30, "who shows one of its is refused until then; look at the clock."),
        (-30, 99, None),
    ],
)
def test_a_check_warns_of_authorities_of_clients_too(run, tmp_path, issue, begin, end, sentence):
    authority, _ = issue(begin, end, "authority")
    lines = (listener("files", *issue(-1, 99)), client_certificates(authority))
    (tmp_path / "chatd.toml").write_text("\n".join(("[[listen]]", *lines)))
    done = run("chatctl", "check-config", "chatd.toml")
    assert done.returncode == 0
    assert f"listen[0]: warning: {authority} " in done.stderr if sentence else not done.stderr
    assert (sentence or "") in done.stderr


@pytest.fixture
def told(logged_events):
    return lambda: [event[KEY] for event in logged_events if KEY in event]


def test_the_daemon_tells_daily_before_the_end_and_that_a_renewed_file_waits(issue, told):
    certificate, key = issue(-30, 16.5)
    clock = Clock()
    listen = ListenConfig(endpoint="tcp:7412", certificate=str(certificate), key=str(key))
    watch = CertificateWatch(
        [ListenConfig(), listen], clock, lambda: round((NOW.timestamp() + clock.seconds()) * 1000)
    )
    watch.start()
    for day in range(20):
        expected = max(0, day - 2)
        assert len(told()) == expected, day
        clock.advance(86_400)
    first, last = told()[0], told()[-1]
    assert (first.name, first.fields) == ("certificate-ends", {"listen": "tcp:7412"})
    assert first.sentence.startswith(f"{certificate} expires on ")
    assert first.sentence.endswith("in 13 days; renew it.")
    assert " expired on " in last.sentence
    issue(0, 90)
    clock.advance(86_400)
    assert told()[-1].sentence.endswith("The file holds another one by now, which is not in use yet.")
    watch.stop()
    clock.advance(864_000)
    assert len(told()) == 19

"""Certificates: the same bytes everywhere, names, usage, chain, rotation, and a secret worth the name."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from components.pki import Authority, Secret, SecretError, broker_trust, read_secret, worker_trust

TEXT = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
NAMES = ("eu-us-asia-broker.eu-us-asia.svc", "localhost", "127.0.0.1", "broker.example.com")
GOLDEN = Path(__file__).parent / "golden" / "pki.txt"

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")


@pytest.fixture
def secret() -> Secret:
    return read_secret(TEXT, stack="test")


def _authority(secret: Secret, rotation: int = 1) -> Authority:
    return Authority(secret, "eu-us-asia", rotation)


def _verifies(tmp_path: Path, trust: str, certificate: str, purpose: str) -> bool:
    (tmp_path / "ca").write_text(trust)
    (tmp_path / "leaf").write_text(certificate)
    command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", "ca", "leaf"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def test_the_bytes_never_change(secret: Secret) -> None:
    """Other bytes would restart every pod of every stack, and the last rotation's peers would not be believed."""
    authority = _authority(secret)
    server, worker = authority.server(NAMES), authority.client("trainer-eu-mnist-eu")

    certificates = authority.certificate + server.certificate + worker.certificate
    keys = [hashlib.sha256(identity.key.encode()).hexdigest() for identity in (server, worker)]

    assert certificates + "\n".join(keys) + "\n" == GOLDEN.read_text()


@needs_openssl
@pytest.mark.parametrize("purpose", ["sslserver", "sslclient"])
def test_openssl_accepts_each_certificate_strictly_for_its_purpose_only(
    secret: Secret, tmp_path: Path, purpose: str
) -> None:
    authority = _authority(secret)
    server, client = authority.server(NAMES).certificate, authority.client("a-b-c").certificate

    assert _verifies(tmp_path, authority.certificate, server, purpose) == (purpose == "sslserver")
    assert _verifies(tmp_path, authority.certificate, client, purpose) == (purpose == "sslclient")


@needs_openssl
def test_each_side_trusts_what_a_rotation_needs_and_no_more(secret: Secret, tmp_path: Path) -> None:
    """The broker rotates first, so that a worker believes the next; a stolen key is dead after two rotations."""
    now = _authority(secret, 5)
    workers = {n: _authority(secret, n).client("a-b-c").certificate for n in range(3, 8)}
    servers = {n: _authority(secret, n).server(NAMES).certificate for n in range(3, 8)}

    let_in = [n for n, leaf in workers.items() if _verifies(tmp_path, broker_trust(now), leaf, "sslclient")]
    believed = [n for n, leaf in servers.items() if _verifies(tmp_path, worker_trust(now), leaf, "sslserver")]

    assert let_in == [4, 5]
    assert believed == [4, 5, 6]


def test_the_first_rotation_has_no_last(secret: Secret) -> None:
    assert broker_trust(_authority(secret, 1)).count("BEGIN CERTIFICATE") == 1


def test_the_server_bears_every_name_and_address_that_it_is_reached_by(secret: Secret) -> None:
    leaf = x509.load_pem_x509_certificate(_authority(secret).server(NAMES).certificate.encode())

    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == [name for name in NAMES if name != "127.0.0.1"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_a_worker_is_named_in_its_certificate_and_can_be_no_server(secret: Secret) -> None:
    leaf = x509.load_pem_x509_certificate(_authority(secret).client("trainer-eu-x").certificate.encode())

    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    rights = leaf.extensions.get_extension_for_class(x509.BasicConstraints).value

    assert [a.value for a in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["trainer-eu-x"]
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not rights.ca


def test_federations_workers_and_rotations_share_no_key(secret: Secret) -> None:
    keys = [
        Authority(secret, federation, rotation).client(name).key
        for federation in ("a", "b")
        for rotation in (1, 2)
        for name in ("x-y-z", "x-y-w")
    ]

    assert len(set(keys)) == len(keys)


def test_neither_secret_nor_key_shows_in_a_representation(secret: Secret) -> None:
    identity = _authority(secret).client("a-b-c")

    shown = repr(secret) + repr(identity) + repr(_authority(secret))

    assert "PRIVATE" not in shown
    assert repr(secret.value)[2:20] not in shown


@pytest.mark.parametrize(
    ("text", "encrypted", "why"),
    [
        (None, True, "not set"),
        ("", True, "not set"),
        (TEXT, False, "in clear"),
        ("correct horse battery staple", True, "not hexadecimal"),
        (TEXT[:62], True, "weak"),
        ("00" * 32, True, "weak"),
        ("0123456789abcdef" * 4, True, "weak"),
    ],
)
def test_a_poor_secret_gives_the_command_that_sets_a_good_one(text: str | None, *, encrypted: bool, why: str) -> None:
    with pytest.raises(SecretError) as error:
        read_secret(text, stack="eu", encrypted=encrypted)

    assert why in str(error.value)
    assert 'pulumi config set --secret fedtag:secret "$(openssl rand -hex 32)" --stack eu' in str(error.value)
    assert not text or text not in str(error.value), "an error is no place for a secret"

"""Certificates as a pure function of the stack's secret and a rotation number: the same bytes on every machine.

A rotation has an authority (CA) of its own. The broker trusts the authorities of this rotation and the last. Workers
trust these and the next, because the broker is always the first to rotate. Keys are Ed25519, derived by HKDF.
"""

import datetime as dt
import functools
import hashlib
import ipaddress
import re
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SECRET_BYTES = 32
DISTINCT_BYTES = 16
"""32 random bytes have about 30 different values; fewer than this are a pattern that somebody typed."""

# Constant, or the same stack would give other bytes tomorrow; the end is RFC 5280's for "no end": rotation ends them.
NOT_BEFORE = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
NOT_AFTER = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)


class SecretError(ValueError):
    """The stack's secret is missing, weak, or stands in clear."""


@dataclass(frozen=True)
class Secret:
    """The stack's secret; it never shows itself."""

    value: bytes = field(repr=False)


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, both as PEM text."""

    certificate: str
    key: str = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the certificate, in hexadecimal: public, and different for every other certificate."""
        return hashlib.sha256(self.certificate.encode()).hexdigest()


def read_secret(text: str | None, *, stack: str, encrypted: bool = True) -> Secret:
    """The stack's secret, from its text in the configuration.

    Args:
        text: at least 32 random bytes in hexadecimal; None if it is not set.
        stack: name of the stack, for the command in the error.
        encrypted: whether the configuration keeps it encrypted.

    Raises:
        SecretError: with the command that sets it.
    """
    remedy = (
        f'set it with: pulumi config set --secret fedtag:secret "$(openssl rand -hex {SECRET_BYTES})" --stack {stack}'
    )
    if not text:
        raise SecretError(f"fedtag:secret is not set, and all keys of a federation derive from it; {remedy}")
    if not encrypted:
        raise SecretError(f"fedtag:secret stands in clear in the stack file; take it out and {remedy}")
    if not re.fullmatch(r"([0-9A-Fa-f]{2})+", text.strip()):
        raise SecretError(f"fedtag:secret is not hexadecimal; {remedy}")
    value = bytes.fromhex(text.strip())
    if len(value) < SECRET_BYTES or len(set(value)) < DISTINCT_BYTES:
        raise SecretError(f"fedtag:secret is weak: it needs {SECRET_BYTES} random bytes or more; {remedy}")
    return Secret(value)


def _derive(secret: Secret, length: int, *info: str) -> bytes:
    hkdf = HKDF(algorithm=hashes.SHA256(), length=length, salt=b"fedtag/1", info="\0".join(info).encode())
    return hkdf.derive(secret.value)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(names: tuple[str, ...]) -> x509.SubjectAlternativeName:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(found)


@dataclass(frozen=True)
class Authority:
    """The certificate authority of one rotation of one federation."""

    secret: Secret
    federation: str
    rotation: int

    def _key(self, purpose: str) -> Ed25519PrivateKey:
        seed = _derive(self.secret, 32, "key", self.federation, str(self.rotation), purpose)
        return Ed25519PrivateKey.from_private_bytes(seed)

    def _serial(self, purpose: str) -> int:
        derived = _derive(self.secret, 16, "serial", self.federation, str(self.rotation), purpose)
        return int.from_bytes(derived, "big") >> 1 | 1

    @property
    def _name(self) -> x509.Name:
        unit = x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"fedtag rotation {self.rotation}")
        return x509.Name([unit, x509.NameAttribute(NameOID.COMMON_NAME, self.federation)])

    def _builder(self, subject: x509.Name, key: Ed25519PrivateKey, purpose: str) -> x509.CertificateBuilder:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key("ca").public_key())
        return (
            x509.CertificateBuilder(subject_name=subject, issuer_name=self._name)
            .public_key(key.public_key())
            .serial_number(self._serial(purpose))
            .not_valid_before(NOT_BEFORE)
            .not_valid_after(NOT_AFTER)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(issuer, critical=False)
        )

    @functools.cached_property
    def certificate(self) -> str:
        """The authority's own certificate, as PEM text."""
        key = self._key("ca")
        builder = self._builder(self._name, key, "ca")
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return _pem(builder.add_extension(_key_usage(signs_certificates=True), critical=True).sign(key, None))

    def _issue(self, purpose: str, common_name: str, names: tuple[str, ...], usage: x509.ObjectIdentifier) -> Identity:
        key = self._key(purpose)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = (
            self._builder(subject, key, f"{purpose}\0{names}")
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if names:
            builder = builder.add_extension(_alternative_names(names), critical=False)
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        return Identity(_pem(builder.sign(self._key("ca"), None)), text)

    def server(self, names: tuple[str, ...], broker: str = "") -> Identity:
        """A broker's identity, valid for these DNS names and addresses; each broker has a key of its own.

        Args:
            names: of the broker.
            broker: the one that channels name; the federation's has none.
        """
        purpose = f"server\0{broker}" if broker else "server"
        return self._issue(purpose, broker or "broker", names, ExtendedKeyUsageOID.SERVER_AUTH)

    def client(self, name: str) -> Identity:
        """The identity of a worker or the operator: the broker takes its common name for its user name."""
        return self._issue(f"client\0{name}", name, (), ExtendedKeyUsageOID.CLIENT_AUTH)


def broker_trust(authority: Authority) -> str:
    """The authorities whose workers the broker lets in: of this rotation and the last."""
    rotations = (authority.rotation, authority.rotation - 1)
    return _bundle(authority, rotations)


def worker_trust(authority: Authority) -> str:
    """The authorities whose broker a worker believes: of this rotation, the last, and the next."""
    rotations = (authority.rotation, authority.rotation - 1, authority.rotation + 1)
    return _bundle(authority, rotations)


def _bundle(authority: Authority, rotations: tuple[int, ...]) -> str:
    authorities = (Authority(authority.secret, authority.federation, n) for n in rotations if n > 0)
    return "".join(a.certificate for a in authorities)

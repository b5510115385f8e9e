"""Certificates made for one run of the tests: an authority, and servers that it vouches for or should not."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "onlive.test"


@functools.cache
def authority() -> str:
    """Return the path of the trusted authority's certificate."""
    return str(_folder() / "authority.pem")


@functools.cache
def server_context(kind: str) -> ssl.SSLContext:
    """Return a server's TLS settings; its certificate is ``right``, ``expired``, ``other`` or ``unknown``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_folder() / f"{kind}.pem")
    return context


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="onlive-faults-"))
    key, certificate = _certificate("Authority", None)
    (folder / "authority.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    stranger = _certificate("Stranger", None)
    for kind, signer, host, days in (
        ("right", (key, certificate), HOST, 30),
        ("expired", (key, certificate), HOST, -1),
        ("other", (key, certificate), "elsewhere.test", 30),
        ("unknown", stranger, HOST, 30),
    ):
        own, made = _certificate(host, signer, days)
        pem = own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{kind}.pem").write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return folder


Signed = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def _certificate(name: str, signer: Signed | None, days: int = 30) -> Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    own_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(own_name)
        .issuer_name(signer[1].subject if signer else own_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=60))
        .not_valid_after(today + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    issuer_key = (signer[0] if signer else key).public_key()
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
    ).add_extension(
        x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=signer is None,
            crl_sign=signer is None,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        ),
        critical=True,
    )
    if signer is not None:
        names: list[x509.GeneralName] = [x509.DNSName(name)]
        if name == HOST:
            names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return key, builder.sign(signer[0] if signer else key, hashes.SHA256())

"""Certificates, without files and without a clock: a local authority, what it issues, and faults.

The authority is made to be trusted by hand, so it is made to be harmless: it can vouch for this
machine and for names and addresses of private networks only (its name constraints say so, and
nearly all clients hold to them; Java does not), for servers only, not for mail or programs
(extended key usage), and for no further authority (path length 0).
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    CertificatePublicKeyTypes,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
"""What every certificate of a local authority is for."""

PRIVATE_DOMAINS = ("localhost", "local", "lan", "internal", "home.arpa", "test")
PRIVATE_NETWORKS = (
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
    *("100.64.0.0/10", "::1/128", "fc00::/7", "fe80::/10"),
)

_AUTHORITY_LASTS = timedelta(days=3650)
_CERTIFICATE_LASTS = timedelta(days=397)  # Apple accepts 825 days at most, some programs 398
_RENEWED_BEFORE = timedelta(days=90)  # so a server may run that long without a new start
_CLOCK_SKEW = timedelta(hours=1)
_FOR_SERVERS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
_MAX_COMMON_NAME = 64
_ODD_KEY = "a key of a kind that clients do not know: take one of RSA, P-256 or Ed25519."
_UNUSABLE = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound)
"""What reading and checking raises when a file holds something else than we once wrote."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key (PKCS #8), both in PEM."""

    certificate: bytes
    key: bytes


def make_authority(owner: str, domain: str, now: datetime) -> Pair:
    """Return a new authority.

    Args:
        owner: Who made it, such as `ann@laptop`; people read it in the lists of their browsers.
        domain: The machine's own name, for which the authority can vouch too, and for those under
            it; may be empty. One that can be a top-level domain, such as `dev`, does not count: it
            would take in all of the world's `.dev`.
        now: The time, with its zone.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Parley local authority {owner}")
    domains = list(PRIVATE_DOMAINS)
    own = domain.lower()
    if _is_domain(own) and not _can_be_top_level(own) and own not in domains:
        domains.append(own)
    permitted: list[x509.GeneralName] = [x509.DNSName(domain) for domain in domains]
    permitted += [x509.IPAddress(ipaddress.ip_network(text)) for text in PRIVATE_NETWORKS]
    builder = (
        _builder(name, name, key.public_key(), now, now + _AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(_FOR_SERVERS, critical=False)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
    )
    return _pair(builder.sign(key, hashes.SHA256()), key)


def issue(authority: Pair, names: Sequence[str], now: datetime) -> Pair:
    """Return a server's certificate for these names and addresses.

    Raises:
        ValueError: The authority cannot vouch for one of them; the text names it.
    """
    issuer, issuer_key = _loaded(authority)
    for name in names:
        if not _is_permitted(issuer, name):
            raise ValueError(
                f"{name} is no name or address of a private network, such as laptop.local"
            )
    key = ec.generate_private_key(ec.SECP256R1())
    until = min(now + _CERTIFICATE_LASTS, issuer.not_valid_after_utc)
    issuer_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(_name(names[0]), issuer.subject, key.public_key(), now, until)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(_FOR_SERVERS, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id),
            critical=False,
        )
    )
    return _pair(builder.sign(issuer_key, hashes.SHA256()), key)


def is_good_authority(pair: Pair, now: datetime) -> bool:
    """Whether this is an authority with its key and its limits that lasts a while.

    One that is not valid yet is good: rather than the authority, which everything has learned to
    trust, the clock is wrong.
    """
    try:
        certificate, _ = _loaded(pair)
        certificate.verify_directly_issued_by(certificate)
        extensions = certificate.extensions
        is_limited = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value == _FOR_SERVERS
        extensions.get_extension_for_class(x509.NameConstraints)
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    except _UNUSABLE:
        return False
    return constraints.ca and is_limited and _ends_late(certificate, now)


def is_good_certificate(pair: Pair, authority: Pair, names: Iterable[str], now: datetime) -> bool:
    """Whether `authority` issued this for exactly these names, and it lasts a while."""
    try:
        certificate, _ = _loaded(pair)
        certificate.verify_directly_issued_by(_loaded(authority)[0])
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except _UNUSABLE:
        return False
    is_begun = certificate.not_valid_before_utc <= now
    is_for_these = set(alternatives.value) == set(_general_names(names))
    return is_for_these and is_begun and _ends_late(certificate, now)


def pair_faults(certificate: bytes, key: bytes, now: datetime) -> list[str]:
    """Return what keeps a server from using the files that TLS_CERT and TLS_KEY name."""
    found = []
    leaf: x509.Certificate | None = None
    try:
        leaf = x509.load_pem_x509_certificates(certificate)[0]
        leaf.public_key()
    except ValueError:
        found.append("TLS_CERT holds no certificate in PEM: name the file that begins a chain.")
    except UnsupportedAlgorithm:
        found.append(f"TLS_CERT is for {_ODD_KEY}")
    public_key: CertificatePublicKeyTypes | None = None
    try:
        public_key = serialization.load_pem_private_key(key, None).public_key()  # type: ignore[assignment]  # of all key types
    except TypeError:
        found.append(
            "TLS_KEY is encrypted: name a key without a passphrase, such as `openssl pkey -in"
            " KEY -out PLAIN_KEY` writes."
        )
    except ValueError:
        found.append("TLS_KEY holds no private key in PEM.")
    except UnsupportedAlgorithm:
        found.append(f"TLS_KEY is {_ODD_KEY}")
    if found or leaf is None or public_key is None:
        return found
    if _spki(leaf.public_key()) != _spki(public_key):
        return [
            "TLS_KEY is not the key of the first certificate in TLS_CERT: name the two files that"
            " were made together, the server's own certificate first."
        ]
    if leaf.not_valid_after_utc <= now:
        found.append(f"TLS_CERT expired on {leaf.not_valid_after_utc:%Y-%m-%d}: renew it.")
    elif leaf.not_valid_before_utc > now:
        found.append(
            f"TLS_CERT is valid from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on: is this"
            " machine's clock right?"
        )
    return found


def fingerprint(certificate: bytes) -> str:
    """Return the SHA-256 fingerprint of the first certificate, as browsers show it."""
    digest = x509.load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256())
    return digest.hex(":").upper()


def short_hash(names: Iterable[str]) -> str:
    """Return twelve characters that stand for this set of names in a file name."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:12]


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Parley"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_MAX_COMMON_NAME]),
        ]
    )


def _usage(**true: bool) -> x509.KeyUsage:
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: true.get(name, False) for name in names})


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name.lower()))
    return found


def _is_permitted(issuer: x509.Certificate, name: str) -> bool:
    constraints = issuer.extensions.get_extension_for_class(x509.NameConstraints).value
    permitted = constraints.permitted_subtrees or []
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        domains = [tree.value for tree in permitted if isinstance(tree, x509.DNSName)]
        suffix = f".{name.lower()}"
        return _is_domain(name) and any(suffix.endswith(f".{domain}") for domain in domains)
    networks = [tree.value for tree in permitted if isinstance(tree, x509.IPAddress)]
    return any(address in network for network in networks)  # type: ignore[operator]  # constraints hold networks


def _is_domain(name: str) -> bool:
    labels = name.split(".")
    return name.isascii() and all(
        label and label.replace("-", "").replace("_", "").isalnum() for label in labels
    )


def _can_be_top_level(domain: str) -> bool:
    """Whether the world may have this as a top-level domain: letters only, or an encoded one."""
    return domain.isalpha() or (domain.startswith("xn--") and "." not in domain)


def _ends_late(certificate: x509.Certificate, now: datetime) -> bool:
    return now < certificate.not_valid_after_utc - _RENEWED_BEFORE


def _loaded(pair: Pair) -> tuple[x509.Certificate, CertificateIssuerPrivateKeyTypes]:
    """Return certificate and key; raises ValueError or TypeError when they are no pair."""
    certificate = x509.load_pem_x509_certificates(pair.certificate)[0]
    key = serialization.load_pem_private_key(pair.key, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key that was made here")
    if _spki(certificate.public_key()) != _spki(key.public_key()):
        raise ValueError("the key belongs to another certificate")
    return certificate, key


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    pem = serialization.Encoding.PEM
    return Pair(
        certificate.public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _spki(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

"""The local authority's certificates: strict clients believe them, and only for private names."""

import hashlib
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from server.certificates import (
    LOCAL_NAMES,
    Pair,
    fingerprint,
    is_good_authority,
    is_good_certificate,
    issue,
    make_authority,
    pair_faults,
    short_hash,
)

NOW = datetime.now(UTC)  # handshakes look at the real clock
AUTHORITY = make_authority("ann@laptop", "anns-laptop", NOW)
SERVER = issue(AUTHORITY, LOCAL_NAMES, NOW)


def loaded(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate)


def signed(
    builder: x509.CertificateBuilder,
    by: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
) -> Pair:
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return Pair(
        builder.sign(by, hashes.SHA256()).public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain),
    )


def shake_hands(authority: Pair, server: Pair, name: str, folder: Path) -> None:
    """Let a strict client meet a server with this certificate; raises when it does not believe."""
    file = folder / "server.pem"
    file.write_bytes(server.certificate + server.key)
    for_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for_server.load_cert_chain(file)
    for_client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for_client.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    for_client.load_verify_locations(cadata=authority.certificate.decode())
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = for_client.wrap_bio(down, up, server_hostname=name)
    answering = for_server.wrap_bio(up, down, server_side=True)
    for side in (client, answering, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue


@pytest.mark.parametrize("name", LOCAL_NAMES)
def test_a_strict_client_believes_it_for_this_machine(name: str, tmp_path: Path) -> None:
    shake_hands(AUTHORITY, SERVER, name, tmp_path)


@pytest.mark.parametrize(
    "name", ["192.168.1.5", "fd00::1", "anns-laptop", "nas.local", "my_box.lan"]
)
def test_it_vouches_for_private_networks(name: str, tmp_path: Path) -> None:
    shake_hands(AUTHORITY, issue(AUTHORITY, [*LOCAL_NAMES, name], NOW), name, tmp_path)


@pytest.mark.parametrize("name", ["example.com", "8.8.8.8", "notlocal", "localhost.com", "*", ""])
def test_it_does_not_vouch_for_the_world(name: str) -> None:
    with pytest.raises(ValueError, match="no name or address of a private"):
        issue(AUTHORITY, [*LOCAL_NAMES, name], NOW)


def test_a_client_refuses_what_a_stolen_authority_says_of_the_world(tmp_path: Path) -> None:
    key = serialization.load_pem_private_key(AUTHORITY.key, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    forged_key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder().subject_name(x509.Name([]))
    builder = builder.issuer_name(loaded(AUTHORITY).subject).public_key(forged_key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - timedelta(1))
    builder = builder.not_valid_after(NOW + timedelta(1))
    names = x509.SubjectAlternativeName([x509.DNSName("example.com")])
    aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    builder = builder.add_extension(names, True).add_extension(aki, False)
    forged = signed(builder, key, forged_key)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake_hands(AUTHORITY, forged, "example.com", tmp_path)


def test_another_authority_is_not_believed(tmp_path: Path) -> None:
    another = make_authority("ann@laptop", "anns-laptop", NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(another, SERVER, "localhost", tmp_path)
    assert not is_good_certificate(SERVER, another, LOCAL_NAMES, NOW)


def test_the_authority_says_whose_it_is_and_makes_no_further_one() -> None:
    certificate = loaded(AUTHORITY)
    assert "ann@laptop" in certificate.subject.rfc4514_string()
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.path_length) == (True, 0)


def test_the_authority_vouches_for_servers_not_for_mail_or_programs() -> None:
    usage = loaded(AUTHORITY).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


@pytest.mark.parametrize("domain", ["dev", "BOX", "xn--p1ai"])
def test_a_machine_called_like_a_top_level_domain_does_not_open_that_one(domain: str) -> None:
    authority = make_authority("ann", domain, NOW)
    for name in (domain, f"bank.{domain}"):
        with pytest.raises(ValueError, match=r"such as laptop\.local"):
            issue(authority, [name], NOW)


@pytest.mark.parametrize("domain", ["box-1", "box1", "dev.example.com", "localhost.localdomain"])
def test_any_other_name_of_the_machine_is_vouched_for(domain: str) -> None:
    authority = make_authority("ann", domain, NOW)
    assert is_good_certificate(issue(authority, [domain], NOW), authority, [domain], NOW)


def test_a_clock_that_is_behind_does_not_cost_the_authority() -> None:
    assert is_good_authority(AUTHORITY, datetime(1970, 1, 2, tzinfo=UTC))


def test_an_authority_without_our_limits_is_not_used() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = loaded(AUTHORITY).subject
    unlimited = x509.BasicConstraints(ca=True, path_length=0)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(900))
    builder = builder.add_extension(unlimited, True).add_extension(usage, False)
    assert not is_good_authority(signed(builder, key, key), NOW)


@pytest.mark.parametrize("owner", ["x" * 200, "ünï@höst", ""])
@pytest.mark.parametrize("domain", ["", "höst", "a b", "-", "localhost"])
def test_odd_owners_and_machines_still_get_one(owner: str, domain: str) -> None:
    assert is_good_authority(make_authority(owner, domain, NOW), NOW)


def test_a_certificate_is_short_lived_and_renewed_early() -> None:
    certificate = loaded(SERVER)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc < timedelta(398)
    assert is_good_certificate(SERVER, AUTHORITY, reversed(LOCAL_NAMES), NOW)
    assert is_good_certificate(SERVER, AUTHORITY, LOCAL_NAMES, NOW + timedelta(300))
    assert not is_good_certificate(SERVER, AUTHORITY, LOCAL_NAMES, NOW + timedelta(310))
    assert not is_good_certificate(SERVER, AUTHORITY, LOCAL_NAMES, NOW - timedelta(1))
    assert not is_good_certificate(SERVER, AUTHORITY, [*LOCAL_NAMES, "anns-laptop"], NOW)


def test_an_authority_near_its_end_is_not_good_and_issues_nothing_beyond_it() -> None:
    nearly = NOW + timedelta(3600)
    assert is_good_authority(AUTHORITY, NOW + timedelta(3500))
    assert not is_good_authority(AUTHORITY, nearly)
    assert loaded(issue(AUTHORITY, LOCAL_NAMES, nearly)).not_valid_after_utc <= (
        loaded(AUTHORITY).not_valid_after_utc
    )


@pytest.mark.parametrize(
    "pair",
    [
        Pair(b"", b""),
        Pair(b"noise", b"noise"),
        Pair(AUTHORITY.certificate, b""),
        Pair(AUTHORITY.certificate, SERVER.key),
        Pair(AUTHORITY.certificate[:300], AUTHORITY.key),
        SERVER,
    ],
    ids=["nothing", "noise", "no key", "another key", "half", "no authority"],
)
def test_what_is_no_authority_is_seen(pair: Pair) -> None:
    assert not is_good_authority(pair, NOW)


def test_what_is_no_certificate_is_seen() -> None:
    for pair in (Pair(b"", b""), Pair(SERVER.certificate, AUTHORITY.key), AUTHORITY):
        assert not is_good_certificate(pair, AUTHORITY, LOCAL_NAMES, NOW)


def test_a_pair_without_fault() -> None:
    chain = SERVER.certificate + AUTHORITY.certificate
    assert pair_faults(chain, SERVER.key, NOW) == []
    assert pair_faults(SERVER.certificate + SERVER.key, SERVER.certificate + SERVER.key, NOW) == []


def encrypted() -> bytes:
    key = rsa.generate_private_key(65537, 1024)  # too small for use, quick to make
    how = serialization.BestAvailableEncryption(b"secret")
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, how
    )


# On secp112r1, by openssl: no library makes such a key any more.
ODD_KEY = b"""-----BEGIN EC PRIVATE KEY-----
MD4CAQEEDobIWI2W7ZfHVFvIJkChoAcGBSuBBAAGoSADHgAEelNfN78/EFRbXe+z
Qsliu1JUlg3Aq6B27Nr84w==
-----END EC PRIVATE KEY-----
"""

LATER = NOW + timedelta(1000)
YEAR_BEFORE = NOW - timedelta(365)


@pytest.mark.parametrize(
    ("certificate", "key", "now", "words"),
    [
        (b"noise", b"noise", NOW, ["holds no certificate", "holds no private key"]),
        (SERVER.key, SERVER.certificate, NOW, ["holds no certificate", "holds no private key"]),
        (SERVER.certificate, AUTHORITY.key, NOW, ["is not the key of the first certificate"]),
        (AUTHORITY.certificate + SERVER.certificate, SERVER.key, NOW, ["own certificate first"]),
        (SERVER.certificate, SERVER.key, LATER, ["expired on"]),
        (SERVER.certificate, SERVER.key, YEAR_BEFORE, ["clock right"]),
        (SERVER.certificate, encrypted(), NOW, ["TLS_KEY is encrypted"]),
        (SERVER.certificate, ODD_KEY, NOW, ["TLS_KEY is a key of a kind"]),
    ],
    ids=["noise", "swapped", "no match", "wrong order", "expired", "not yet", "encrypted", "odd"],
)
def test_every_fault_of_a_pair_has_its_sentence(
    certificate: bytes, key: bytes, now: datetime, words: Sequence[str]
) -> None:
    faults = pair_faults(certificate, key, now)
    assert len(faults) == len(words)
    assert all(word in fault for word, fault in zip(words, faults, strict=True))


def test_the_fingerprint_is_what_the_library_says() -> None:
    theirs = ssl.PEM_cert_to_DER_cert(AUTHORITY.certificate.decode())
    assert fingerprint(AUTHORITY.certificate).replace(":", "").lower() == (
        hashlib.sha256(theirs).hexdigest()
    )


def test_the_hash_of_names_knows_no_order() -> None:
    assert short_hash(["a", "b"]) == short_hash(["b", "a"]) != short_hash(["ab"])

"""A package's own signature, judged: the table of contents, RSA and CMS over its digest, the certificate."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from codesign_wizard.core.apple.xar import Xar, XarError
from codesign_wizard.practice.notary import cms, issues
from codesign_wizard.practice.notary.issues import Issue, Ticketed

# Gatekeeper takes either for packages ("spctl --list")
_MARKS = ("1.2.840.113635.100.6.1.14", "1.2.840.113635.100.6.1.13")
_KINDS = {"sha1": 1, "sha256": 2, "sha512": 3}
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha512": hashes.SHA512,
}


def judge(archive: Xar, shown: str, trust: cms.Trust, now: datetime) -> tuple[list[Issue], Ticketed | None]:
    """Return what is wrong with the signature of a package, and what a ticket for it covers."""
    found: list[Issue] = []
    rsa_place, cms_place = archive.signature("RSA"), archive.signature("CMS")
    kind = _KINDS.get(archive.digest_name)
    ticketed = None if kind is None else Ticketed(shown, kind, archive.digest[:20])
    if rsa_place is None and cms_place is None:
        return [Issue(shown, issues.NOT_SIGNED)], ticketed
    if archive.recorded != archive.digest or kind is None:
        return [Issue(shown, issues.INVALID)], ticketed
    if rsa_place is not None and not _rsa_holds(
        archive, archive.heap_bytes(rsa_place.offset, rsa_place.size), rsa_place.certificates
    ):
        found.append(Issue(shown, issues.INVALID))
    if cms_place is None:
        # no time stamp without it, and nothing that could be stapled
        return [*found, Issue(shown, issues.NO_TIMESTAMP)], ticketed
    try:
        signature = cms.read(archive.heap_bytes(cms_place.offset, cms_place.size))
    except (cms.CmsError, XarError):
        return [Issue(shown, issues.INVALID)], ticketed
    stamped = trust.timestamp(signature)
    if not cms.holds(signature, archive.digest):
        found.append(Issue(shown, issues.INVALID))
    elif not any(trust.developer_id(signature, mark, stamped or now) for mark in _MARKS):
        found.append(Issue(shown, issues.NOT_DEVELOPER_ID))
    if stamped is None:
        found.append(Issue(shown, issues.NO_TIMESTAMP))
    return list(dict.fromkeys(found)), ticketed


def _rsa_holds(archive: Xar, value: bytes, certificates: list[bytes]) -> bool:
    try:
        key = x509.load_der_x509_certificate(certificates[0]).public_key()
    except (IndexError, ValueError):
        return False
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(
            value[: key.key_size // 8],
            archive.digest,
            padding.PKCS1v15(),
            Prehashed(_HASHES[archive.digest_name]()),
        )
    except InvalidSignature:
        return False
    return True

"""The CMS signature over a CodeDirectory: Apple's signed attributes, and the RFC 3161 time stamp."""

from __future__ import annotations

import hashlib
import plistlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.apple import detached, entitlements, oids
from codesign_wizard.core.authenticode import cms, der
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.signing import DigestAlgorithm, Signer
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.timestamp import Timestamp, Timestamper

_DIGEST = "sha256"
# attributes, algorithms and lengths: measured at under 700 bytes
_FRAME_ROOM = 2048


@dataclass(frozen=True)
class HashList:
    """What the signed attributes say of the CodeDirectories: hashes of 20 bytes, and (digest, whole hash)."""

    short: list[bytes]
    whole: list[tuple[str, bytes]]


def full_chain(signer: Signer, time: datetime, roots: AppleRoots | None = None) -> list[x509.Certificate]:
    """Return the signer's chain with Apple's intermediate and root where they are known, leaf first.

    A chain that leads nowhere known is returned as the signer has it. Apple's tool embeds the root too.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    from codesign_wizard.core.apple import trust

    own = list(signer.certificate_chain)
    others = [each.public_bytes(Encoding.DER) for each in own[1:]]
    path = trust.judge(own[0], others, roots or trust.AppleRoots(), time).path
    return path if len(path) > len(own) else own


def room(chain: Sequence[x509.Certificate], *, timestamp: bool) -> int:
    """Return more bytes than the CMS with *chain* will take, with a time stamp or none."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding

    key = chain[0].public_key()
    signature = key.key_size // 8 if isinstance(key, rsa.RSAPublicKey) else 160
    certificates = sum(len(each.public_bytes(Encoding.DER)) for each in chain)
    issuer = len(chain[0].issuer.public_bytes())
    return certificates + signature + issuer + _FRAME_ROOM + (detached.TOKEN_ROOM if timestamp else 0)


def sign(
    job: JobContext,
    signer: Signer,
    chain: Sequence[x509.Certificate],
    directory: bytes,
    timestamp: Timestamper | None,
    time: datetime,
) -> tuple[bytes, Timestamp | None]:
    """Return the detached CMS over the CodeDirectory blob *directory*, and its time stamp.

    Raises ``CodesignError`` when the key or every time-stamp server refuses, and ``Cancelled``.
    """
    whole = hashlib.sha256(directory).digest()
    plist = plistlib.dumps({"cdhashes": [whole[:20]]}, fmt=plistlib.FMT_XML)
    agility = der.sequence(der.oid(cms.DIGESTS[_DIGEST]), der.octet_string(whole))
    parts = detached.draft(
        whole,
        _DIGEST,
        time,
        [(oids.HASH_AGILITY_PLIST, der.octet_string(plist)), (oids.HASH_AGILITY, agility)],
    )
    job.stage("sign", StageState.RUNNING)
    signature = signer.sign(job, hashlib.sha256(parts.to_sign).digest(), DigestAlgorithm.SHA256)
    job.stage("sign", StageState.DONE)
    stamp = None
    if timestamp is not None:
        job.stage("time-stamp", StageState.RUNNING)
        stamp = timestamp.stamp(job, signature, DigestAlgorithm.SHA256)
        job.stage("time-stamp", StageState.ATTENTION if stamp.findings else StageState.DONE, stamp.host)
    unsigned = [(detached.TIMESTAMP_TOKEN, stamp.token)] if stamp is not None else []
    return detached.assemble(parts, chain, signature, unsigned), stamp


def hash_list(signer: cms.SignerInfo) -> HashList:
    """Return what the signed attributes say; raises ``DerError`` when they cannot be read."""
    short: list[bytes] = []
    values = signer.signed.get(oids.HASH_AGILITY_PLIST, [])
    for value in values:
        try:
            document: Any = entitlements.parse_plist(value.expect(der.OCTET_STRING).value)
        except entitlements.EntitlementsError as error:
            raise der.DerError(tr("its list of hashes is no property list")) from error
        listed = document.get("cdhashes") if isinstance(document, dict) else None
        if not isinstance(listed, list) or not all(isinstance(each, bytes) for each in listed):
            raise der.DerError(tr("its list of hashes is not one"))
        short += listed
    return HashList(short, list(_agility(signer.signed.get(oids.HASH_AGILITY, []))))


def _agility(values: Iterable[der.Element]) -> Iterable[tuple[str, bytes]]:
    for value in values:
        members = value.expect(der.SEQUENCE).children()
        if len(members) != 2:
            raise der.DerError(tr("its list of hashes is not one"))
        oid = der.read_oid(members[0])
        names = {each: name for name, each in cms.DIGESTS.items()}
        yield names.get(oid, oid), members[1].expect(der.OCTET_STRING).value

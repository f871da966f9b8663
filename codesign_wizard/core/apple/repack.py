"""Writing identities as .p12 files with their whole chain, and two of them under one password."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.apple import identity_findings as found
from codesign_wizard.core.apple.certificates import Kind
from codesign_wizard.core.apple.identity import Identity
from codesign_wizard.core.apple.identity_judge import judge_data
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.files import write_atomic
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

FILE_NAMES = {
    Kind.INSTALLER: "developer-id-installer.p12",
    Kind.APPLICATION: "developer-id-application.p12",
}
_ROUNDS = 100_000
_LEGACY_ROUNDS = 2048


class Protection(StrEnum):
    """How a .p12 file is encrypted: what today's programs write, or what older ones read."""

    MODERN = "modern"  # AES-256 and SHA-256 (RFC 8018, PBES2)
    LEGACY = "legacy"  # 3DES and SHA-1 (RFC 7292, appendix C), as Keychain Access writes


@dataclass(frozen=True)
class WrittenIdentity:
    """A .p12 that was written: ``chain`` the subjects' common names, leaf first, root last where known."""

    path: Path
    identity: Identity
    protection: Protection
    chain: list[str]


def pack(identity: Identity, password: Secret, protection: Protection = Protection.MODERN) -> bytes:
    """Return the identity as a .p12 with its issuers and root, under *password*, which must not be empty.

    Raises ``CodesignError`` for an empty password, and for a key of a kind that no .p12 holds.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

    key = identity.key
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise CodesignError(found.KEY_KIND(file=identity.name))
    if not password:
        raise InputError(found.NEW_PASSWORD_MISSING())
    builder = PrivateFormat.PKCS12.encryption_builder()
    if protection is Protection.MODERN:
        scheme, digest, rounds = pkcs12.PBES.PBESv2SHA256AndAES256CBC, hashes.SHA256(), _ROUNDS
        builder = builder.kdf_rounds(rounds).key_cert_algorithm(scheme).hmac_hash(digest)
    else:
        legacy = pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC
        old = hashes.SHA1()  # noqa: S303  # older importers know no other
        builder = builder.kdf_rounds(_LEGACY_ROUNDS).key_cert_algorithm(legacy).hmac_hash(old)
    return pkcs12.serialize_key_and_certificates(
        identity.description.common_name.encode(),
        key,
        identity.certificate,
        _beside(identity),
        builder.build(password.reveal().encode()),
    )


def write_identity(
    identity: Identity,
    folder: Path,
    password: Secret,
    protection: Protection = Protection.MODERN,
    *,
    roots: AppleRoots | None = None,
) -> WrittenIdentity:
    """Write the identity to its usual name in *folder* and read it back; raises ``CodesignError``.

    The file is readable by its owner only.
    """
    target = folder / file_name(identity.kind)
    return write_all([(identity, target)], password, protection, roots=roots)[0]


def write_all(
    identities: Sequence[tuple[Identity, Path]],
    password: Secret,
    protection: Protection = Protection.MODERN,
    *,
    roots: AppleRoots | None = None,
) -> list[WrittenIdentity]:
    """Write each identity to its path, all or none, readable by the owner only; raises ``CodesignError``."""
    packed = [(_proved(each, path, password, protection, roots), path) for each, path in identities]
    former: list[tuple[Path, bytes | None]] = []
    path = Path()
    try:
        for data, path in packed:
            former.append((path, path.read_bytes() if path.exists() else None))
            write_atomic(path, data, private=True)
    except OSError as error:
        _restore(former)
        raise InputError(found.UNWRITABLE(file=str(path), why=error.strerror or str(error))) from error
    return [WrittenIdentity(path, each, protection, _chain_names(each)) for each, path in identities]


def _proved(
    identity: Identity, path: Path, password: Secret, protection: Protection, roots: AppleRoots | None
) -> bytes:
    """Return the .p12: what cannot be read back is not written, least of all over something that can."""
    data = pack(identity, password, protection)
    again = judge_data(path.name, data, password, wanted=identity.kind, roots=roots)
    if again.identity is None or again.identity.certificate != identity.certificate:
        raise CodesignError(again.findings[0])
    return data


def _restore(former: Sequence[tuple[Path, bytes | None]]) -> None:
    """Put back what was there; a folder that takes no file any more keeps what it has."""
    for path, data in former:
        with suppress(OSError):
            if data is None:
                path.unlink(missing_ok=True)
            else:
                write_atomic(path, data, private=True)


def _chain_names(identity: Identity) -> list[str]:
    from codesign_wizard.core.authenticode import trust

    return [trust.name(each) for each in (identity.certificate, *_beside(identity))]


def file_name(kind: Kind) -> str:
    """Return the usual file name of an identity of *kind*."""
    return FILE_NAMES.get(kind, f"{kind.value}.p12")


def written(files: Sequence[WrittenIdentity]) -> Finding:
    """Return the finding that says what was written."""
    names = tr(" and ").join(each.path.name for each in files)
    return found.WRITTEN(files=names)


def _beside(identity: Identity) -> list[x509.Certificate]:
    root = [identity.root] if identity.root is not None else []
    return [*identity.chain[1:], *root]

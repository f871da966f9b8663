"""What a code signature consists of, part by part, as a table for ``docs/signature-parts.md``.

The CMS is read with asn1crypto, so that our own reader does not vouch for our own writer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asn1crypto import cms, x509

from codesign_wizard.core.apple import code_directory, macho, requirements, superblob

SLOTS = {
    superblob.SLOT_CODE_DIRECTORY: "CodeDirectory",
    superblob.SLOT_REQUIREMENTS: "requirements",
    superblob.SLOT_ENTITLEMENTS: "entitlements",
    superblob.SLOT_ENTITLEMENTS_DER: "entitlements (DER)",
    superblob.SLOT_CMS: "CMS",
}
ATTRIBUTES = {
    "1.2.840.113549.1.9.3": "content type",
    "1.2.840.113549.1.9.4": "message digest",
    "1.2.840.113549.1.9.5": "signing time",
    "1.2.840.113635.100.9.1": "list of CodeDirectory hashes (100.9.1)",
    "1.2.840.113635.100.9.2": "CodeDirectory hash with its algorithm (100.9.2)",
    "1.2.840.113549.1.9.16.2.14": "RFC 3161 time stamp",
}


def parts(path: Path, architecture: str) -> dict[str, str]:
    """Return the parts of one image's signature in words, by name, whoever signed it and whenever."""
    with path.open("rb") as file:
        (image,) = (each for each in macho.read(file).images if each.architecture == architecture)
        data = macho.signature_data(file, image)
    blobs = superblob.parse(data)
    directory = code_directory.parse(blobs[superblob.SLOT_CODE_DIRECTORY])
    assert image.signature is not None
    linkedit = image.segment("__LINKEDIT")
    assert linkedit is not None
    used = int.from_bytes(data[4:8], "big")
    requirement = str(requirements.parse_set(blobs[superblob.SLOT_REQUIREMENTS])[requirements.DESIGNATED])
    rows = {
        "begins at a multiple of": "16" if image.signature.offset % 16 == 0 else "less",
        "ends with __LINKEDIT and the image": _yes(
            image.signature.offset + image.signature.size
            == linkedit.file_offset + linkedit.file_size
            == image.size
        ),
        "room after it": "zeros" if not any(data[used:]) else "something",
        "blobs, in order": ", ".join(SLOTS[slot] for slot in blobs),
        "CodeDirectory version": f"{directory.version:#x}",
        "flags": f"{directory.flags:#x}",
        "hashes": f"{directory.digest}, pages of {directory.page_size} bytes",
        "covers everything before the signature": _yes(directory.code_limit == image.signature.offset),
        "special slots": ", ".join(f"-{slot}" for slot in sorted(directory.special, reverse=True)),
        "executable segment": _segment(directory, image),
        "runtime version": "the SDK's" if directory.runtime == image.sdk else "another",
        "designated requirement": requirement.replace(directory.identifier, "ID")
        # quoted only where it begins with a digit
        .replace(f'"{directory.team}"', "TEAM")
        .replace(directory.team, "TEAM"),
    }
    content = superblob.content(blobs[superblob.SLOT_CMS], superblob.MAGIC_CMS)
    return {**rows, **_cms(cms.ContentInfo.load(content)["content"])}


def _yes(true: bool) -> str:
    return "yes" if true else "no"


def _segment(directory: code_directory.CodeDirectory, image: macho.Image) -> str:
    text = image.segment("__TEXT")
    assert text is not None
    same = (directory.exec_base, directory.exec_limit) == (text.file_offset, text.file_size)
    return f"{'__TEXT' if same else 'another'}, flags {directory.exec_flags:#x}"


def _cms(signed: Any) -> dict[str, str]:
    (signer,) = signed["signer_infos"]
    by_subject = {each.chosen.subject.hashable: each.chosen for each in signed["certificates"]}
    leaf = next(
        each
        for each in by_subject.values()
        if each.serial_number == signer["sid"].chosen["serial_number"].native
    )
    roles = {leaf.subject.hashable: "leaf"}
    above = by_subject.get(leaf.issuer.hashable)
    if above is not None:
        roles[above.subject.hashable] = "intermediate"
        roles.setdefault(above.issuer.hashable, "root")
    names = [roles[each.chosen.subject.hashable] for each in signed["certificates"]]
    content = signed["encap_content_info"]
    return {
        "CMS content": "detached" if content["content"].native is None else "inside",
        "certificates, in order": ", ".join(names),
        "signer named by": signer["sid"].name.replace("_", " "),
        "digest": signer["digest_algorithm"]["algorithm"].native,
        "signature": signer["signature_algorithm"]["algorithm"].native,
        "signed attributes": _attributes(signer["signed_attrs"]),
        "unsigned attributes": _attributes(signer["unsigned_attrs"]),
        "leaf": _marks(leaf, "1.2.840.113635.100.6.1.13"),
    }


def _attributes(values: Any) -> str:
    return ", ".join(sorted(ATTRIBUTES[each["type"].dotted] for each in values))


def _marks(certificate: x509.Certificate, mark: str) -> str:
    there = any(each["extn_id"].dotted == mark for each in certificate["tbs_certificate"]["extensions"])
    return f"has {mark} (Developer ID Application)" if there else "has no mark"


def table(theirs: dict[str, str], ours: dict[str, str]) -> str:
    """Return the parts side by side as a Markdown table; what is the same is said once."""
    assert theirs.keys() == ours.keys()
    lines = ["| part | @sentry/cli-darwin | ours |", "| --- | --- | --- |"]
    for name, value in theirs.items():
        other = "the same" if ours[name] == value else _cell(ours[name])
        lines.append(f"| {name} | {_cell(value)} | {other} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("/*", "/\\*").replace("*/", "\\*/")

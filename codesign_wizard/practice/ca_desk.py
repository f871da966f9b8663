"""Where a signing request is handed in: at the practice CA, or at what plays Apple's site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from codesign_wizard.practice import answers
from codesign_wizard.practice.apple.authority import KINDS, AppleAuthority
from codesign_wizard.practice.world import World


class CaDesk:
    """The certification authorities of *world*, and *apple*; what is downloaded lies in *downloads*."""

    def __init__(self, world: World, apple: AppleAuthority, downloads: Path) -> None:
        self._world, self._apple, self._downloads = world, apple, downloads

    def issue(self, request_pem: bytes) -> list[x509.Certificate]:
        """Return the practice CA's answer to a signing request (PEM or DER): leaf and intermediate.

        Raises ``ValueError`` (``authority.CsrError``) when it cannot be answered.
        """
        authority = self._world.code_signing
        return [
            authority.issue(answers.read_request(request_pem), start=self._world.clock.now()),
            authority.intermediate,
        ]

    @property
    def answer_forms(self) -> tuple[str, ...]:
        """The forms in which the practice CA can answer."""
        return answers.FORMS

    @property
    def answer_faults(self) -> tuple[str, ...]:
        """What can be wrong with its answer."""
        return answers.FAULTS

    def answer_request(self, csr_pem: str, form: str, fault: str = "") -> list[tuple[str, bytes]]:
        """Return the practice CA's answer as the files that a CA would send: name and content each.

        *form* is one of ``answer_forms``, *fault* "" or one of ``answer_faults``, ``KeyError`` for others;
        raises ``ValueError`` as ``issue`` does.
        """
        return answers.respond(
            self._world.code_signing,
            answers.read_request(csr_pem.encode()),
            form,
            [self._world.timestamps.root],
            fault=fault,
            now=self._world.clock.now(),
        )

    def issue_apple(self, request_pem: bytes, kind: str) -> bytes:
        """Return what Apple's site would give for a signing request (PEM or DER): a .cer file, DER.

        *kind* is a name of ``practice.apple.authority.KINDS``, as ``installer``. Raises ``ValueError``
        (``authority.CsrError``) when the request is not taken.
        """
        load = x509.load_pem_x509_csr if request_pem.lstrip().startswith(b"-----") else x509.load_der_x509_csr
        return self._apple.answer(load(request_pem), KINDS[kind]).public_bytes(serialization.Encoding.DER)

    def download_apple(self, requests: Mapping[str, bytes]) -> list[Path]:
        """Answer *requests* (by kind, as ``issue_apple`` takes them) and return the .cer files.

        They are called as a browser saves them from Apple's site. Raises as ``issue_apple`` does.
        """
        self._downloads.mkdir(exist_ok=True)
        paths = []
        for kind, request in requests.items():
            path = self._downloads / f"developerID_{kind}.cer"
            path.write_bytes(self.issue_apple(request, kind))
            paths.append(path)
        return paths

"""What a proof is to show, by what it is judged, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.comet.client import Platform
from codesign_wizard.core.finding import Finding, blocks, utc_now
from codesign_wizard.core.network import Network

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.apple.package_verify import PackageVerification
    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.roots import RootStore
    from codesign_wizard.core.authenticode.verify import Verification


BUILD_SECONDS = 1800.0  # stapling alone takes ten minutes and more at the first download


@dataclass(frozen=True)
class Expected:
    """Whose signatures they should be. ``level`` is the server's; ``None`` for what is not known."""

    windows: x509.Certificate | None = None
    installer: x509.Certificate | None = None
    level: int = 0


@dataclass
class ProveRequest:
    """What to prove and by what to judge it. ``build_seconds`` is how long one build may take to begin."""

    platforms: Sequence[Platform]
    output_folder: Path
    expected: Expected
    network: Network
    roots: RootStore
    apple_roots: AppleRoots
    build_seconds: float = BUILD_SECONDS


@dataclass(frozen=True)
class Proof:
    """What came of one platform. ``file`` is the download, kept also when it is not as it should be."""

    platform: Platform
    findings: list[Finding]
    file: Path | None = None
    size: int = 0
    sha256: str = ""
    contents: list[str] = field(default_factory=list)
    windows: Verification | None = None
    package: PackageVerification | None = None
    began: datetime = field(default_factory=utc_now)
    ended: datetime = field(default_factory=utc_now)

    @property
    def ok(self) -> bool:
        """Whether the client is signed as it should be."""
        return not blocks(self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the proof as documented in docs/json.md."""
        return {
            "platform": self.platform.number,
            "title": self.platform.title,
            "ok": self.ok,
            "file": None if self.file is None else str(self.file),
            "size": self.size,
            "sha256": self.sha256,
            "contents": self.contents,
            "windows": None if self.windows is None else self.windows.to_json(),
            "macos": None if self.package is None else self.package.to_json(),
        }

"""What a vault keeps beside its certificates: requests that wait, and what was deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

RETENTION_DAYS = 90  # of what is deleted
IN_PROGRESS, COMPLETED, CANCELLED = "inProgress", "completed", "cancelled"
# the operation is deleted; what it had begun stays in the vault without a certificate
DROPPED = "dropped"


@dataclass
class PendingOperation:
    """A signing request under a name; its private key is in the state under ``key['state_name']``.

    ``csr`` is base64 DER; ``key`` and ``policy`` are the members of the models they become at the merge.
    """

    name: str
    request_id: str
    issuer: str
    csr: str
    key: dict[str, Any]
    policy: dict[str, Any]
    status: str = IN_PROGRESS
    cancellation_requested: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    target: str = ""
    enabled: bool = True  # as the version is to be once it has its certificate

    @property
    def dropped(self) -> bool:
        """Whether the operation itself is deleted."""
        return self.status == DROPPED

    @property
    def integrated(self) -> bool:
        """Whether the vault asks the CA by itself, so that nothing is to be merged."""
        return self.issuer.lower() not in ("unknown", "self")

    @property
    def waits(self) -> bool:
        """Whether an answer can still be merged."""
        return self.status == IN_PROGRESS

    @property
    def details(self) -> str:
        """What the service says beside the status."""
        if self.status == IN_PROGRESS and self.integrated:
            return (
                "Pending certificate created. Certificate request is in progress. This may take some time "
                "based on the issuer provider. Please check again later."
            )
        return {
            IN_PROGRESS: "Pending certificate created. Please Perform Merge to complete the request.",
            COMPLETED: "",
            CANCELLED: "Pending certificate was cancelled.",
            DROPPED: "",
        }[self.status]


@dataclass
class DeletedCertificate:
    """A certificate and its key that were deleted and can be recovered; times in seconds since the epoch."""

    certificate: dict[str, Any]
    key: dict[str, Any]
    deleted: int
    purge_at: int
    operation: dict[str, Any] | None = None  # the request under the name, members of ``PendingOperation``


@dataclass
class DeletedKey:
    """A key that was deleted, alone or with its certificate; members of ``VaultKey``, times as above."""

    key: dict[str, Any]
    deleted: int
    purge_at: int

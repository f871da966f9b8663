"""What a vault keeps beside its certificates: requests that wait, and what was deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

IN_PROGRESS, COMPLETED, CANCELLED = "inProgress", "completed", "cancelled"


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

    @property
    def waits(self) -> bool:
        """Whether an answer can still be merged."""
        return self.status == IN_PROGRESS

    @property
    def details(self) -> str:
        """What the service says beside the status."""
        return {
            IN_PROGRESS: "Pending certificate created. Please Perform Merge to complete the request.",
            COMPLETED: "",
            CANCELLED: "Pending certificate was cancelled.",
        }[self.status]


@dataclass
class DeletedCertificate:
    """A certificate and its key that were deleted and can be recovered; times in seconds since the epoch."""

    certificate: dict[str, Any]
    key: dict[str, Any]
    deleted: int
    purge_at: int

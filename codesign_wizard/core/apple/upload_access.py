"""The temporary access to Apple's storage while an upload is unfinished, in the keyring.

Apple gives it once, with the submission, so that a submission whose upload was interrupted can be continued
only by who still has it. It is a secret like any other. The session token alone may be longer than Windows
Credential Manager takes, hence the pieces; one unfinished upload a profile is kept, the latest.
"""

from __future__ import annotations

import json

from codesign_wizard.core.apple.notary_api import UploadAccess
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import APPLE_UPLOAD, SecretStore

_PIECE = 1000  # characters; Windows takes 1280


def keep(store: SecretStore, profile_id: str, submission_id: str, access: UploadAccess) -> bool:
    """Keep *access*; return whether it was. Raises ``CodesignError`` when the keyring does not answer."""
    text = json.dumps(
        {
            "id": submission_id,
            "bucket": access.bucket,
            "object": access.object,
            "key": access.access_key.reveal(),
            "secret": access.secret_key.reveal(),
            "token": access.session_token.reveal(),
        },
        separators=(",", ":"),
    )
    pieces = [text[place : place + _PIECE] for place in range(0, len(text), _PIECE)]
    if len(pieces) > len(APPLE_UPLOAD):
        return False
    # the number of pieces first, so that what an earlier one left behind is not read
    for name, piece in zip(APPLE_UPLOAD, pieces, strict=False):
        head = f"{len(pieces)}:" if name == APPLE_UPLOAD[0] else ""
        store.set(profile_id, name, Secret(head + piece))
    return True


def recall(store: SecretStore, profile_id: str, submission_id: str) -> UploadAccess | None:
    """Return the access to this submission's object, or ``None`` when it was not kept."""
    first = store.get(profile_id, APPLE_UPLOAD[0])
    if first is None:
        return None
    count, colon, text = first.reveal().partition(":")
    if not (colon and count.isdigit() and 1 <= int(count) <= len(APPLE_UPLOAD)):
        return None
    for name in APPLE_UPLOAD[1 : int(count)]:
        piece = store.get(profile_id, name)
        if piece is None:
            return None
        text += piece.reveal()
    try:
        told = json.loads(text)
        if told["id"] != submission_id:
            return None
        return UploadAccess(
            str(told["bucket"]),
            str(told["object"]),
            Secret(str(told["key"])),
            Secret(str(told["secret"])),
            Secret(str(told["token"])),
        )
    except (ValueError, KeyError, TypeError):
        return None


def forget(store: SecretStore, profile_id: str) -> None:
    """Remove what was kept; raises ``CodesignError``."""
    for name in APPLE_UPLOAD:
        store.forget(profile_id, name)

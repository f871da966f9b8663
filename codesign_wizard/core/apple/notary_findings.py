"""The findings about Apple's notary service: refusals, uploads, the wait, and what it says of a file."""

from __future__ import annotations

from codesign_wizard.core.finding import FindingKind, Severity

# refusals

AGREEMENT_MISSING = FindingKind(
    "apple.notary.agreement-missing",
    Severity.ERROR,
    "An agreement with Apple has to be accepted before anything is notarised.",
    "403 REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED: the Account Holder has to accept it.",
)
MEMBERSHIP_EXPIRED = FindingKind(
    "apple.notary.membership-expired",
    Severity.ERROR,
    "The team's membership in the Apple Developer Program has ended.",
    "403, and Apple's words name the membership.",
)
ROLE_TOO_LOW = FindingKind(
    "apple.notary.role-too-low",
    Severity.ERROR,
    "The API key {key_id} may not notarise: its role is too low.",
    "403 for the key itself: it needs the role Developer or above.",
)
TEAM_INACCESSIBLE = FindingKind(
    "apple.notary.team-inaccessible",
    Severity.ERROR,
    "Apple does not give this key access to its team's notarisation.",
    "403 “Invalid or inaccessible developer team ID”.",
)
FORBIDDEN = FindingKind(
    "apple.notary.forbidden",
    Severity.ERROR,
    "Apple's notary service refuses the request.",
    "403 for a reason that is not known here; Apple's words are in the evidence.",
)
SERVICE_DOWN = FindingKind(
    "apple.notary.service-down",
    Severity.ERROR,
    "Apple's notary service has a fault: status {status}.",
    "The service answers 5xx, also when asked again.",
)
THROTTLED = FindingKind(
    "apple.notary.throttled",
    Severity.ERROR,
    "Apple's notary service has been asked too often for now.",
    "429, also after waiting.",
)
REFUSED = FindingKind(
    "apple.notary.request-refused",
    Severity.ERROR,
    "Apple's notary service does not take the request: status {status}.",
    "400, 409, 422 or the like; Apple's words are in the evidence.",
)
UNEXPECTED = FindingKind(
    "apple.notary.unexpected-answer",
    Severity.ERROR,
    "The answer is not one of Apple's notary service: {why}.",
    "The answer lacks what it must have, or is something else, such as a proxy's page.",
)
SUBMISSION_UNKNOWN = FindingKind(
    "apple.notary.submission-unknown",
    Severity.ERROR,
    "Apple knows no submission {id} of this team.",
    "404 for a submission: another team's, or a mistyped id.",
)
LOG_NOT_READY = FindingKind(
    "apple.notary.log-not-ready",
    Severity.ERROR,
    "There is no log of {id} yet, or no such submission.",
    "404 for a log; Apple answers the same for both.",
)

# submitting and uploading

WRONG_FILE = FindingKind(
    "apple.notary.wrong-file",
    Severity.ERROR,
    "{file} cannot be notarised: {why}.",
    "The notary service takes .pkg, .zip and .dmg; an .app is sent as a .zip.",
)
FILE_UNREADABLE = FindingKind(
    "apple.notary.file-unreadable",
    Severity.ERROR,
    "{file} cannot be read: {why}.",
    "The file is missing, or the system does not let it be read.",
)
FILE_CHANGED = FindingKind(
    "apple.notary.file-changed",
    Severity.ERROR,
    "{file} was changed while it was being uploaded.",
    "The file's size or a part's digest is no longer what it was when the upload began.",
)
PREFLIGHT = FindingKind(
    "apple.notary.preflight",
    Severity.ERROR,
    "Apple would refuse {file}: nothing was uploaded.",
    "Our own verification found what the notary service does not accept.",
)
PREFLIGHT_OK = FindingKind(
    "apple.notary.preflight-ok",
    Severity.OK,
    "Our own verification finds nothing in {file} that Apple would refuse.",
    "Package and code are signed with Developer ID, time-stamped, hardened and unchanged.",
)
PREFLIGHT_SKIPPED = FindingKind(
    "apple.notary.preflight-skipped",
    Severity.INFO,
    "{file} was not looked at before the upload: {why}.",
    "The verification was not wanted, or what is inside cannot be looked at here.",
)
BUSY = FindingKind(
    "apple.notary.busy",
    Severity.ERROR,
    "{file} is being submitted by another run of Codesign Wizard.",
    "Two runs would upload the same bytes twice.",
)
UPLOAD_FAILED = FindingKind(
    "apple.notary.upload-failed",
    Severity.ERROR,
    "The upload did not get through: {done} of {total} are there.",
    "The connection to Apple's storage failed again and again; what arrived is kept there.",
)
UPLOAD_REFUSED = FindingKind(
    "apple.notary.upload-refused",
    Severity.ERROR,
    "Apple's storage refuses the upload: {code}.",
    "Amazon S3 answered 4xx; its words are in the evidence.",
)
UPLOAD_RESUMED = FindingKind(
    "apple.notary.upload-resumed",
    Severity.INFO,
    "The upload went on where it had stopped: {done} of {total} were there already.",
    "An interrupted upload was continued with the same submission.",
)
UPLOAD_STOPPED = FindingKind(
    "apple.notary.upload-stopped",
    Severity.WARNING,
    "The upload of {file} was stopped: {done} of {total} are with Apple's storage, as submission {id}.",
    "Somebody stopped the upload. Apple judges nothing before it is complete.",
)
UPLOAD_LOST = FindingKind(
    "apple.notary.upload-lost",
    Severity.INFO,
    "The unfinished upload of submission {id} cannot be continued ({why}); a new submission was made.",
    "The temporary access to Apple's storage is gone; Apple never saw that file, nor judges it.",
)
STATE_UNWRITABLE = FindingKind(
    "apple.notary.state-unwritable",
    Severity.ERROR,
    "The submission cannot be noted down: {why}.",
    "The folder with this profile's submissions cannot be written.",
)

# the wait, and the result

SUBMITTED = FindingKind(
    "apple.notary.submitted",
    Severity.INFO,
    "{file} is with Apple; the submission is {id}.",
    "The file has been uploaded; nobody waited for the result.",
)
IN_PROGRESS = FindingKind(
    "apple.notary.in-progress",
    Severity.WARNING,
    "Apple is still at work on {id}: {elapsed} so far.",
    "The submission's status is In Progress. It cannot be withdrawn; it can be asked for again.",
)
ACCEPTED = FindingKind(
    "apple.notary.accepted",
    Severity.OK,
    "Apple has notarised {file}.",
    "The submission's status is Accepted.",
)
ALREADY = FindingKind(
    "apple.notary.already-submitted",
    Severity.INFO,
    "These very bytes were submitted on {date} already: nothing was uploaded again.",
    "A submission of the same file is open or was accepted.",
)
INVALID = FindingKind(
    "apple.notary.invalid",
    Severity.ERROR,
    "Apple does not notarise {file}: {summary}.",
    "The submission's status is Invalid; each issue of Apple's log is a finding of its own.",
)
REJECTED = FindingKind(
    "apple.notary.rejected",
    Severity.ERROR,
    "Apple has rejected {file}: {summary}.",
    "The submission's status is Rejected, or one that is not known here.",
)
TEAM_NOT_CONFIGURED = FindingKind(
    "apple.notary.team-not-configured",
    Severity.ERROR,
    "Apple has not set the team up for notarisation yet.",
    "Status code 7000: only Apple's Developer Programs Support can change it.",
)

# what is wrong with a file, predicted by our verification or said by Apple

ISSUE_UNSIGNED = FindingKind(
    "apple.notary.issue-unsigned",
    Severity.ERROR,
    "{what} is not signed.",
    "“The binary is not signed.”",
)
ISSUE_CERTIFICATE = FindingKind(
    "apple.notary.issue-certificate",
    Severity.ERROR,
    "{what} is not signed with a Developer ID certificate that counts.",
    "“The binary is not signed with a valid Developer ID certificate.”",
)
ISSUE_TIMESTAMP = FindingKind(
    "apple.notary.issue-timestamp",
    Severity.ERROR,
    "{what} has no secure time stamp.",
    "“The signature does not include a secure timestamp.”",
)
ISSUE_HARDENED = FindingKind(
    "apple.notary.issue-hardened-runtime",
    Severity.ERROR,
    "{what} does not have the hardened runtime on.",
    "“The executable does not have the hardened runtime enabled.”",
)
ISSUE_DEBUG = FindingKind(
    "apple.notary.issue-get-task-allow",
    Severity.ERROR,
    "{what} asks to be debugged (get-task-allow).",
    "“The executable requests the com.apple.security.get-task-allow entitlement.”",
)
ISSUE_SIGNATURE = FindingKind(
    "apple.notary.issue-signature",
    Severity.ERROR,
    "The signature of {what} does not hold.",
    "“The signature of the binary is invalid.”",
)
ISSUE_SDK = FindingKind(
    "apple.notary.issue-sdk",
    Severity.ERROR,
    "{what} was built with an SDK that is too old.",
    "“The binary uses an SDK older than the 10.9 SDK.”",
)
ISSUE_ARCHIVE = FindingKind(
    "apple.notary.issue-archive",
    Severity.ERROR,
    "{what} cannot be unpacked.",
    "Apple could not open the package, or something in it.",
)
ISSUE_NO_CODE = FindingKind(
    "apple.notary.issue-no-code",
    Severity.ERROR,
    "There is no signed program in {what}, so there is nothing to make a ticket for.",
    "“… has no signed executables or bundles. No tickets can be generated.”",
)
ISSUE_OTHER = FindingKind(
    "apple.notary.issue-other",
    Severity.ERROR,
    "Apple says of {what}: {message}",
    "An issue of a kind that is not known here, in Apple's words.",
)

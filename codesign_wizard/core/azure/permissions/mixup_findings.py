"""What can be wrong with permissions, by name: the mistakes that people make, and what to do about each.

learn.microsoft.com/azure/key-vault/general/rbac-guide, ``…/troubleshooting-access-issues``,
``…/assign-access-policy``; learn.microsoft.com/azure/role-based-access-control/deny-assignments,
``…/conditions-overview``, ``…/troubleshooting``.
"""

from __future__ import annotations

from codesign_wizard.core.azure.permissions.remedies import PROPAGATION_URL
from codesign_wizard.core.finding import FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

ENOUGH = FindingKind(
    "azure.permission.enough",
    Severity.OK,
    "Nothing that is asked for is missing on the vault {vault}, as far as can be tested.",
    "No permission that the server's documentation asks for was refused.",
)
PARTIAL = FindingKind(
    "azure.permission.partial",
    Severity.WARNING,
    "The application may sign, but lacks {count} of the permissions asked for on the vault {vault}.",
    "Enough to sign a client, but not all that the server's documentation asks for.",
)
RBAC_NONE = FindingKind(
    "azure.permission.rbac-none",
    Severity.ERROR,
    "The application has no role on the vault {vault} that counts for keys and certificates.",
    "The vault goes by roles, and refused everything that it was asked for.",
)
CONTROL_PLANE_ONLY = FindingKind(
    "azure.permission.control-plane-only",
    Severity.ERROR,
    "The application's roles manage the vault {vault}, but do not open what is in it.",
    "Owner, Contributor, Reader and Key Vault Contributor have no data actions for keys and certificates.",
)
SINGLE_OBJECT = FindingKind(
    "azure.permission.single-object",
    Severity.ERROR,
    "The application's role is for {name} alone, not for the vault {vault}.",
    "A role was given on one certificate, key or secret in place of the vault.",
)
OTHER_VAULT = FindingKind(
    "azure.permission.other-vault",
    Severity.ERROR,
    "The application's role is on the vault {other}, not on the vault {vault}.",
    "No role counts on the vault, but one is held on another vault of the same subscription.",
)
PROPAGATING = FindingKind(
    "azure.permission.propagating",
    Severity.ERROR,
    "The vault {vault} does not yet know of a grant that is there.",
    "Azure says granted, the vault still refuses: a new grant takes some minutes, through groups longer.",
)
DENIED = FindingKind(
    "azure.permission.denied",
    Severity.ERROR,
    "A deny assignment forbids the application {action} on the vault {vault}.",
    "Deny assignments win over every role; a further grant does not help.",
)
CONDITIONAL = FindingKind(
    "azure.permission.conditional",
    Severity.ERROR,
    "The application's role on the vault {vault} has a condition that is not met.",
    "The role would hold what is missing, but only under the condition of its assignment.",
)
POLICIES_ON_RBAC = FindingKind(
    "azure.permission.policies-on-rbac-vault",
    Severity.ERROR,
    "The application has an access policy, but the vault {vault} goes by roles.",
    "Access policies do nothing on a vault whose permission model is Azure role-based access control.",
)
ROLES_ON_POLICY = FindingKind(
    "azure.permission.roles-on-policy-vault",
    Severity.ERROR,
    "The application has roles, but the vault {vault} goes by access policies.",
    "Roles for keys and certificates do nothing on a vault whose permission model is access policy.",
)
POLICY_NONE = FindingKind(
    "azure.permission.policy-none",
    Severity.ERROR,
    "No access policy of the vault {vault} counts for the application.",
    "The vault goes by access policies, and refused everything that it was asked for.",
)
TEMPLATE_WITHOUT_CRYPTO = FindingKind(
    "azure.permission.template-without-crypto",
    Severity.ERROR,
    "The access policy of the vault {vault} lacks the cryptographic operations, so nothing can be signed.",
    "The portal's templates tick management operations, but neither Sign nor any other cryptographic one.",
)
WRONG_OBJECT_ID = FindingKind(
    "azure.permission.wrong-object-id",
    Severity.ERROR,
    "The access policy names {id}, which is {what}: the vault sees the application as {object_id}.",
    "An access policy counts for the object ID of the enterprise application (service principal) only.",
)
ROLE_WRONG_OBJECT_ID = FindingKind(
    "azure.permission.role-wrong-object-id",
    Severity.ERROR,
    "The role {role} on the vault {vault} is for {id}, which is {what}, not for {object_id}.",
    "A role counts for the object ID of the enterprise application (service principal) only.",
)
COMPOUND = FindingKind(
    "azure.permission.compound-identity",
    Severity.ERROR,
    "The access policy counts only for a person who uses the application {id}, not for the application.",
    "The policy has an authorised application beside the principal (a compound identity).",
)
EXCESS = FindingKind(
    "azure.permission.excess",
    Severity.INFO,
    "The application may do more in the vault {vault} than is asked for: {what}.",
    "Nothing stops working by it; it could be taken away.",
)
CONTRADICTION = FindingKind(
    "azure.permission.contradiction",
    Severity.WARNING,
    "Two answers contradict each other about {action}.",
    "What the sources say of a permission differs, and nothing known explains it.",
)
OTHER_CALLER = FindingKind(
    "azure.permission.other-caller",
    Severity.WARNING,
    "The vault {vault} saw {seen} as the caller, not {expected}.",
    "The caller that a refusal names is not the one that Entra ID's token is for.",
)
MODEL_UNKNOWN = FindingKind(
    "azure.permission.model-unknown",
    Severity.INFO,
    "The vault {vault} did not tell whether it goes by roles or by access policies.",
    "Nothing was refused in words that name the model, and the vault's settings could not be read.",
)
UNTESTED = FindingKind(
    "azure.permission.untested",
    Severity.WARNING,
    "The vault {vault} gave answers that do not tell whether a permission is there.",
    "Refusals in a form that is not known; the vendor's words are shown as they came.",
)


def look_deeper() -> Remedy:
    """Return that an administrator's sign-in shows the grants themselves."""
    return Remedy(
        title=tr("To see which grants exist, look with an administrator's sign-in."),
        portal=(
            tr(
                "Sign in as administrator on the page Permissions, or in a terminal (--as az and --as "
                "device-code work, too): `codesign-wizard permissions show --as browser`"
            ),
        ),
    )


def wait_remedy() -> Remedy:
    """Return that time mends it."""
    return Remedy(
        title=tr("Wait up to ten minutes, and check again; nothing needs to be granted again."),
        portal=(
            tr("A grant through a group, or on a management group, can take an hour and more."),
            tr("A token that was fetched before does not matter here: every check signs in anew."),
        ),
        url=PROPAGATION_URL,
    )

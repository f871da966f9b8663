"""What Entra ID says when it refuses: AADSTS numbers, OAuth error codes, texts, statuses.

The texts are those of real answers (captured bodies and issue threads); where only Microsoft's list of error
codes (learn.microsoft.com/entra/identity-platform/reference-error-codes) gives a text, it is that one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class EntraError(Exception):
    """A refusal. ``uri``: real bodies carry ``error_uri`` with most codes, not with all."""

    number: int
    error: str
    text: str
    status: int = 400
    uri: bool = True
    suberror: str = ""


def tenant_unknown(tenant: str) -> EntraError:
    """No tenant of this id or domain in this cloud."""
    return EntraError(
        90002,
        "invalid_tenant",
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing "
        "into the correct cloud. Check with your subscription administrator, this may happen if there are no "
        "active subscriptions for the tenant.",
    )


def tenant_malformed(tenant: str) -> EntraError:
    """Neither a GUID nor a domain name."""
    return EntraError(
        900023,
        "invalid_request",
        f"Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.",
    )


def tenant_missing() -> EntraError:
    """``common`` and its like, with credentials that imply no tenant."""
    return EntraError(
        50059,
        "invalid_request",
        "No tenant-identifying information found in either the request or implied by any provided "
        "credentials.",
    )


def instance_unknown() -> EntraError:
    """Instance discovery for a host that is no authority of Microsoft's."""
    return EntraError(50049, "invalid_instance", "Unknown or invalid instance.")


def parameter_missing(name: str) -> EntraError:
    """A required form field is absent or empty."""
    return EntraError(
        900144, "invalid_request", f"The request body must contain the following parameter: '{name}'."
    )


def grant_unsupported(grant: str) -> EntraError:
    """The grant type is not known, or (said in words of the practice cloud's own) not played."""
    text = f"The app requested an unsupported grant type '{grant}'."
    if grant in ("password", "urn:ietf:params:oauth:grant-type:jwt-bearer"):
        text += " The practice cloud does not play it."
    return EntraError(70003, "unsupported_grant_type", text, uri=False)


def scope_invalid(scope: str) -> EntraError:
    """The scope cannot be read as resource and permission."""
    return EntraError(
        70011,
        "invalid_scope",
        "The provided request must include a 'scope' input parameter. The provided value for the input "
        f"parameter 'scope' is not valid. The scope {scope} is not valid.",
    )


def scope_not_default(scope: str) -> EntraError:
    """Client credentials work with ``/.default`` only."""
    return EntraError(
        1002012,
        "invalid_scope",
        f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value "
        "with /.default suffixed to the resource identifier (application ID URI).",
    )


def resource_unknown(resource: str, tenant: str) -> EntraError:
    """The tenant holds no service principal of the resource."""
    return EntraError(
        500011,
        "invalid_resource",
        f"The resource principal named {resource} was not found in the tenant named {tenant}. This can "
        "happen if the application has not been installed by the administrator of the tenant or consented to "
        "by any user in the tenant. You might have sent your authentication request to the wrong tenant.",
    )


def application_malformed(application: str) -> EntraError:
    """The client id is no GUID, or all zeros."""
    return EntraError(
        700038, "unauthorized_client", f"{application} is not a valid application identifier.", uri=False
    )


def application_unknown(application: str, tenant: str) -> EntraError:
    """No such application in this tenant."""
    return EntraError(
        700016,
        "unauthorized_client",
        f"Application with identifier '{application}' was not found in the directory '{tenant}'. This can "
        "happen if the application has not been installed by the administrator of the tenant or consented to "
        "by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
    )


def service_principal_missing(application: str, tenant: str) -> EntraError:
    """The application is registered here and has no service principal."""
    return EntraError(
        7000229,
        "invalid_client",
        f"The client application {application} is missing service principal in the tenant {tenant}. See "
        "instructions here: https://go.microsoft.com/fwlink/?linkid=2225119",
        status=401,
    )


def application_disabled(application: str, name: str) -> EntraError:
    """Somebody set "Enabled for users to sign-in" to No."""
    return EntraError(7000112, "unauthorized_client", f"Application '{application}'({name}) is disabled.")


def secret_missing() -> EntraError:
    """A confidential client without a credential."""
    return EntraError(
        7000218,
        "invalid_client",
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        status=401,
    )


def secret_wrong(application: str) -> EntraError:
    """The value is none of the application's secrets."""
    return EntraError(
        7000215,
        "invalid_client",
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
        f"value, not the client secret ID, for a secret added to app '{application}'.",
        status=401,
    )


def secret_expired(application: str) -> EntraError:
    """The value was right until its day."""
    return EntraError(
        7000222,
        "invalid_client",
        f"The provided client secret keys for app '{application}' are expired. Visit the Azure portal to "
        "create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate "
        "credentials for added security: https://aka.ms/certCreds.",
        status=401,
    )


def assertion_malformed() -> EntraError:
    """What should prove the client is no JSON Web Token."""
    return EntraError(50027, "invalid_request", "JWT token is invalid or malformed.")


def assertion_failed(application: str, thumbprint: str) -> EntraError:
    """Certificate credentials: no practice application has a certificate registered (keycloak#19425)."""
    told = f"Thumbprint of key used by client: '{thumbprint}', " if thumbprint else ""
    return EntraError(
        700027,
        "invalid_client",
        "The certificate with identifier used to sign the client assertion is not registered on application. "
        f"[Reason - The key was not found., {told}Please visit the Azure Portal, Graph Explorer or directly "
        f"use MS Graph to see configured keys for app Id '{application}'. Review the documentation at "
        "https://docs.microsoft.com/en-us/graph/deployments to determine the corresponding service endpoint "
        "and https://docs.microsoft.com/en-us/graph/api/application-get?view=graph-rest-1.0&tabs=http to "
        "build a query request URL, such as "
        f"'https://graph.microsoft.com/beta/applications/{application}'].",
        status=401,
    )


def conditional_access() -> EntraError:
    """A Conditional Access policy for workload identities blocks the service principal."""
    return EntraError(
        53003,
        "invalid_grant",
        "Access has been blocked by Conditional Access policies. The access policy does not allow token "
        "issuance.",
        suberror="message_only",
    )


def post_only(method: str) -> EntraError:
    """The token endpoint was called with another method."""
    return EntraError(
        900561,
        "invalid_request",
        f"The endpoint only accepts POST requests. Received a {method} request.",
    )


def scope_of_two_resources(scope: str) -> EntraError:
    """A token is for one resource."""
    return EntraError(
        28000,
        "invalid_request",
        f"Provided value for the input parameter scope is not valid because it contains more than one "
        f"resource. Scope {scope} is not valid.",
    )


def redirect_unknown(redirect: str, application: str) -> EntraError:
    """The address for the answer is none of the application's."""
    return EntraError(
        50011,
        "invalid_request",
        f"The redirect URI '{redirect}' specified in the request does not match the redirect URIs configured "
        f"for the application '{application}'. Make sure the redirect URI sent in the request matches one "
        "added to your application in the Azure portal. Navigate to https://aka.ms/redirectUriMismatchError "
        "to learn more about how to troubleshoot this error.",
    )


def response_type_unsupported(given: str, application: str) -> EntraError:
    """Only the authorization code flow is played."""
    return EntraError(
        700054,
        "unsupported_response_type",
        f"response_type '{given}' is not enabled for the application '{application}'.",
    )


def response_mode_unsupported(given: str) -> EntraError:
    """How the answer is to travel is not known."""
    return EntraError(
        70007,
        "invalid_request",
        f"'{given}' is not a supported value for the 'response_mode' parameter.",
    )


def challenge_malformed() -> EntraError:
    """The challenge is not 43 to 128 characters (RFC 7636, 4.2)."""
    return EntraError(50147, "invalid_request", "Invalid size of Code_Challenge parameter.")


def challenge_method_unknown() -> EntraError:
    """Neither ``S256`` nor ``plain``."""
    return EntraError(50149, "invalid_request", "Invalid Code_Challenge_method parameter.")


def login_required() -> EntraError:
    """``prompt=none``, and nobody is signed in."""
    return EntraError(50058, "login_required", "Session information is not sufficient for single-sign-on.")


def declined() -> EntraError:
    """The person chose Cancel."""
    return EntraError(65004, "access_denied", "User declined to consent to access the app.")


def device_declined() -> EntraError:
    """The person chose Cancel; the error of the device code flow."""
    return EntraError(65004, "authorization_declined", "User declined to consent to access the app.")


def authorization_pending() -> EntraError:
    """The person has not typed the code yet."""
    return EntraError(
        70016,
        "authorization_pending",
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    )


def slow_down() -> EntraError:
    """Asked again before the interval was over (RFC 8628, 3.5)."""
    return EntraError(
        70016,
        "slow_down",
        "OAuth 2.0 device flow error. Authorization is pending. Polling too frequently.",
    )


def device_code_expired() -> EntraError:
    """The person was too late."""
    return EntraError(
        70020,
        "expired_token",
        "The provided value for the input parameter 'device_code' is not valid. "
        "This device code has expired.",
    )


def device_code_unknown() -> EntraError:
    """No such device code, or one that was redeemed already."""
    return EntraError(
        70018,
        "bad_verification_code",
        "Invalid verification code due to User typing in wrong user code for device code flow. "
        "Authorization is not approved.",
    )


def code_redeemed() -> EntraError:
    """An authorization code is good for one token."""
    return EntraError(
        54005,
        "invalid_grant",
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an "
        "existing refresh token.",
    )


def code_expired() -> EntraError:
    """An authorization code lives ten minutes."""
    return EntraError(
        70008,
        "invalid_grant",
        "The provided authorization code or refresh token has expired due to inactivity. Send a new "
        "interactive authorization request for this user and resource.",
    )


def grant_malformed() -> EntraError:
    """The code or refresh token is none that was given out to this application."""
    return EntraError(9002313, "invalid_grant", "Invalid request. Request is malformed or invalid.")


def redirect_differs(given: str, asked: str) -> EntraError:
    """The code was asked for another address."""
    return EntraError(
        500112,
        "invalid_grant",
        f"The reply address '{given}' does not match the reply address '{asked}' provided when requesting "
        "Authorization code.",
    )


def verifier_wrong() -> EntraError:
    """The verifier is not what the challenge was made of (RFC 7636, 4.6)."""
    return EntraError(
        501481,
        "invalid_grant",
        "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
    )


def user_not_in_tenant(name: str, home: str, tenant: str, application: str) -> EntraError:
    """The person's account is another tenant's."""
    return EntraError(
        50020,
        "invalid_grant",
        f"User account '{name}' from identity provider 'https://sts.windows.net/{home}/' does not exist in "
        f"tenant '{tenant}' and cannot access the application '{application}'(Microsoft Azure CLI) in that "
        "tenant. The account needs to be added as an external user in the tenant first. Sign out and sign in "
        "again with a different Azure Active Directory user account.",
    )

"""Signed requests, judged: AWS Signature Version 4 in headers and in addresses, and Version 2 in addresses.

"AWS Signature Version 4 for API requests" and, for the addresses of the notary's logs, "Authenticating
requests using the REST API (AWS signature version 2)", both in the Amazon S3 documentation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from codesign_wizard.practice.s3 import errors
from codesign_wizard.practice.s3.credentials import Credentials
from codesign_wizard.practice.wire.messages import Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
_LONGEST = 7 * 24 * 3600
_STAMP = "%Y%m%dT%H%M%SZ"
_CREDENTIAL = re.compile(r"([^/]*)/([^/]*)/([^/]*)/([^/]*)/([^/]*)")


@dataclass(frozen=True)
class Authorized:
    """Who signed a request. ``payload`` is what was signed as the body's hash.

    The rest is what chunks are signed with: the signing key, the request's own signature, scope and time.
    """

    credentials: Credentials
    payload: str = UNSIGNED
    key: bytes = b""
    signature: str = ""
    scope: str = ""
    stamp: str = ""


def quote(text: str, safe: str = "") -> str:
    """Return *text* percent-encoded as signatures want it: all but the unreserved characters."""
    return urllib.parse.quote(text, safe=f"-_.~{safe}")


def hmac_sha256(key: bytes, text: str) -> bytes:
    """Return the HMAC-SHA256 of *text*."""
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signing_key(secret: str, scope: str) -> bytes:
    """Return the key for a scope, ``DATE/REGION/s3/aws4_request``."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac_sha256(key, part)
    return key


def verify(
    request: Request,
    resource: str,
    find: Callable[[str], Credentials | None],
    now: datetime,
) -> Authorized:
    """Return who signed *request*; raises ``S3Error``.

    *resource* is ``/BUCKET/KEY`` as version 2 signs it; *find* returns the credentials of an access key.
    """
    header = request.headers.get("Authorization")
    query = _query(request)
    names = {name for name, _ in query}
    if header:
        if "X-Amz-Algorithm" in names or "AWSAccessKeyId" in names:
            raise errors.invalid_argument(
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query "
                "string parameter or the Authorization header should be specified",
                "Authorization",
                header,
            )
        return _by_header(request, header, query, find, now)
    if "X-Amz-Algorithm" in names:
        return _by_query(request, dict(query), query, find, now)
    if "AWSAccessKeyId" in names:
        return _by_version_2(request, dict(query), resource, find, now)
    raise errors.access_denied()


def _query(request: Request) -> list[tuple[str, str]]:
    split = urllib.parse.urlsplit(
        request.target.replace("//", "/", 1) if request.target[:2] == "//" else request.target
    )
    return urllib.parse.parse_qsl(split.query, keep_blank_values=True)


def _by_header(
    request: Request,
    header: str,
    query: list[tuple[str, str]],
    find: Callable[[str], Credentials | None],
    now: datetime,
) -> Authorized:
    algorithm, _, rest = header.partition(" ")
    if algorithm == "AWS":
        raise errors.invalid_request(
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
        )
    if algorithm != ALGORITHM:
        raise errors.invalid_argument("Unsupported Authorization Type", "Authorization", header)
    fields = dict(each.strip().partition("=")[::2] for each in rest.split(","))
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not fields.get(name):
            raise errors.header_malformed(
                f"the authorization header requires three components: Credential, SignedHeaders, and "
                f"Signature; {name} is missing."
            )
    stamp, sent = _sent(request)
    found = _CREDENTIAL.fullmatch(fields["Credential"])
    if found is None:
        raise errors.header_malformed(
            'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    access_key, date, region, service, ending = found.groups()
    if service != "s3" or ending != "aws4_request":
        raise errors.header_malformed(f'incorrect service "{service}". This endpoint belongs to "s3".')
    if date != stamp[:8]:
        raise errors.header_malformed(
            f'Invalid credential date "{date}". This date is not the same as X-Amz-Date: "{stamp[:8]}".'
        )
    if region != errors.REGION:
        raise errors.wrong_region(region)
    if abs(now - sent) > errors.MAXIMUM_SKEW:
        raise errors.skewed(stamp, now)
    credentials = _credentials(access_key, request.headers.get("x-amz-security-token"), find, now)
    payload = request.headers.get("x-amz-content-sha256")
    if not payload:
        raise errors.invalid_request("Missing required header for this request: x-amz-content-sha256")
    signed = _signed_headers(request, fields["SignedHeaders"])
    scope = f"{date}/{region}/{service}/{ending}"
    return _compare(request, query, signed, payload, credentials, scope, stamp, fields["Signature"])


def _by_query(
    request: Request,
    fields: dict[str, str],
    query: list[tuple[str, str]],
    find: Callable[[str], Credentials | None],
    now: datetime,
) -> Authorized:
    if fields["X-Amz-Algorithm"] != ALGORITHM:
        raise errors.query_malformed(
            'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"'
        )
    wanted = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature")
    if any(name not in fields for name in wanted):
        raise errors.query_malformed(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
            "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    stamp, expires = fields["X-Amz-Date"], fields["X-Amz-Expires"]
    try:
        sent = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise errors.query_malformed(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        ) from None
    if not expires.isascii() or not expires.isdigit():
        raise errors.query_malformed("X-Amz-Expires should be a number")
    if int(expires) > _LONGEST:
        raise errors.query_malformed(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be "
            "less than 604800 seconds"
        )
    found = _CREDENTIAL.fullmatch(fields["X-Amz-Credential"])
    if found is None:
        raise errors.query_malformed(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    access_key, date, region, service, ending = found.groups()
    if region != errors.REGION:
        raise errors.query_malformed(
            f"Error parsing the X-Amz-Credential parameter; the region '{region}' is wrong; expecting "
            f"'{errors.REGION}'"
        )
    if date != stamp[:8]:
        raise errors.query_malformed(
            f'Invalid credential date "{date}". This date is not the same as X-Amz-Date: "{stamp[:8]}".'
        )
    if sent - now > errors.MAXIMUM_SKEW:
        raise errors.access_denied("Request is not valid yet")
    end = sent + timedelta(seconds=int(expires))
    if now > end:
        raise errors.request_expired(
            {"X-Amz-Expires": expires, "Expires": _iso(end), "ServerTime": _iso(now)}
        )
    token = fields.get("X-Amz-Security-Token", "")
    credentials = _credentials(access_key, token, find, now)
    signed = _signed_headers(request, fields["X-Amz-SignedHeaders"])
    payload = request.headers.get("x-amz-content-sha256") or UNSIGNED
    rest = [(name, value) for name, value in query if name != "X-Amz-Signature"]
    scope = f"{date}/{region}/{service}/{ending}"
    return _compare(request, rest, signed, payload, credentials, scope, stamp, fields["X-Amz-Signature"])


def _by_version_2(
    request: Request,
    fields: dict[str, str],
    resource: str,
    find: Callable[[str], Credentials | None],
    now: datetime,
) -> Authorized:
    expires, given = fields.get("Expires", ""), fields.get("Signature", "")
    if not given or not expires.isascii() or not expires.isdigit():
        raise errors.access_denied(
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        )
    end = datetime.fromtimestamp(min(int(expires), 1 << 32), UTC)
    if now > end:
        raise errors.request_expired({"Expires": _iso(end), "ServerTime": _iso(now)})
    token = fields.get("x-amz-security-token", "")
    credentials = _credentials(fields["AWSAccessKeyId"], token, find, now)
    text = version_2_text(
        request.method,
        expires,
        credentials.token,
        resource,
        digest=request.headers.get("Content-MD5"),
        kind=request.headers.get("Content-Type"),
    )
    right = version_2(credentials.secret, text)
    if not hmac.compare_digest(right, given):
        raise errors.signature_differs(
            {
                "AWSAccessKeyId": credentials.access_key,
                "StringToSign": text,
                "SignatureProvided": given,
                "StringToSignBytes": text.encode().hex(" "),
            }
        )
    return Authorized(credentials)


def version_2_text(
    method: str, expires: str, token: str, resource: str, *, digest: str = "", kind: str = ""
) -> str:
    """Return what version 2 signs of an address with a session token; *digest* and *kind* are the body's."""
    return f"{method}\n{digest}\n{kind}\n{expires}\nx-amz-security-token:{token}\n{resource}"


def version_2(secret: str, text: str) -> str:
    """Return the signature of version 2: HMAC-SHA1, base64."""
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _sent(request: Request) -> tuple[str, datetime]:
    """Return when the request says that it was signed, as it is in the string to sign, and as a time."""
    stamp = request.headers.get("x-amz-date")
    if stamp:
        try:
            return stamp, datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
        except ValueError:
            pass
    date = request.headers.get("Date")
    try:
        sent = parsedate_to_datetime(date).astimezone(UTC)
    except ValueError:
        raise errors.access_denied("AWS authentication requires a valid Date or x-amz-date header") from None
    return sent.strftime(_STAMP), sent


def _credentials(
    access_key: str, token: str, find: Callable[[str], Credentials | None], now: datetime
) -> Credentials:
    found = find(access_key)
    if found is None or not token:
        # a temporary key without its token is unknown, too
        raise errors.unknown_key(access_key)
    if not hmac.compare_digest(found.token.encode(), token.encode()):
        raise errors.invalid_token(token)
    if now.timestamp() >= found.expires:
        raise errors.expired_token(token)
    return found


def _signed_headers(request: Request, text: str) -> list[str]:
    """Return the names of the signed headers; ``host`` and every ``x-amz-`` one must be among them."""
    signed = text.split(";")
    wanted = {name.lower() for name, _ in request.headers if name.lower().startswith("x-amz-")} | {"host"}
    missing = sorted(wanted - set(signed))
    if missing:
        raise errors.access_denied(
            "There were headers present in the request which were not signed",
            {"HeadersNotSigned": ", ".join(missing)},
        )
    return signed


def _compare(
    request: Request,
    query: Iterable[tuple[str, str]],
    signed: list[str],
    payload: str,
    credentials: Credentials,
    scope: str,
    stamp: str,
    given: str,
) -> Authorized:
    headers = "".join(f"{name}:{_value(request, name)}\n" for name in signed)
    canonical = "\n".join(
        (
            request.method,
            quote(urllib.parse.unquote(request.path), "/"),
            "&".join(f"{name}={value}" for name, value in sorted((quote(n), quote(v)) for n, v in query)),
            headers,
            ";".join(signed),
            payload,
        )
    )
    text = "\n".join((ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = signing_key(credentials.secret, scope)
    right = hmac_sha256(key, text).hex()
    if not hmac.compare_digest(right.encode(), given.encode()):
        raise errors.signature_differs(
            {
                "AWSAccessKeyId": credentials.access_key,
                "StringToSign": text,
                "SignatureProvided": given,
                "StringToSignBytes": text.encode().hex(" "),
                "CanonicalRequest": canonical,
                "CanonicalRequestBytes": canonical.encode().hex(" "),
            }
        )
    return Authorized(credentials, payload, key, right, scope, stamp)


def _value(request: Request, name: str) -> str:
    return ",".join(re.sub(r" +", " ", value.strip()) for value in request.headers.get_all(name))


def _iso(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")

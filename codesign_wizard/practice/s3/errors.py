"""Refusals of Amazon S3 in its own words ("Amazon S3 API Reference, Error responses")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

REGION = "us-west-2"
MAXIMUM_SKEW = timedelta(minutes=15)
MINIMUM_PART = 5 << 20


class S3Error(Exception):
    """A refusal: HTTP status, ``code``, message, and what else the error document holds."""

    def __init__(
        self, status: int, code: str, message: str, details: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = dict(details or {})


def access_denied(message: str = "Access Denied", details: Mapping[str, str] | None = None) -> S3Error:
    """Not signed at all, or not allowed."""
    return S3Error(403, "AccessDenied", message, details)


def header_malformed(what: str, details: Mapping[str, str] | None = None) -> S3Error:
    """``Authorization`` or the credential in it does not read as it must."""
    return S3Error(
        400,
        "AuthorizationHeaderMalformed",
        f"The authorization header is malformed; {what}",
        details,
    )


def query_malformed(what: str) -> S3Error:
    """A presigned address whose parameters do not read as they must."""
    return S3Error(400, "AuthorizationQueryParametersError", what)


def wrong_region(region: str) -> S3Error:
    """Signed for another region than the bucket's."""
    return header_malformed(
        f"the region '{region}' is wrong; expecting '{REGION}'",
        {"Region": REGION},
    )


def unknown_key(access_key: str) -> S3Error:
    """No such access key; also what a temporary key gets that comes without its token."""
    return S3Error(
        403,
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        {"AWSAccessKeyId": access_key},
    )


def invalid_token(token: str) -> S3Error:
    """The session token is not the one that belongs to the key."""
    return S3Error(
        400, "InvalidToken", "The provided token is malformed or otherwise invalid.", {"Token-0": token}
    )


def expired_token(token: str) -> S3Error:
    """The session has ended."""
    return S3Error(400, "ExpiredToken", "The provided token has expired.", {"Token-0": token})


def skewed(sent: str, now: datetime) -> S3Error:
    """The client's clock is more than fifteen minutes off."""
    return S3Error(
        403,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        {
            "RequestTime": sent,
            "ServerTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "MaxAllowedSkewMilliseconds": str(int(MAXIMUM_SKEW.total_seconds() * 1000)),
        },
    )


def request_expired(details: Mapping[str, str]) -> S3Error:
    """A presigned address whose time is over."""
    return access_denied("Request has expired", details)


def signature_differs(details: Mapping[str, str]) -> S3Error:
    """The signature is not what the key makes of the request."""
    return S3Error(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
        details,
    )


def bad_digest(message: str, details: Mapping[str, str] | None = None) -> S3Error:
    """What arrived is not what was sent."""
    return S3Error(400, "BadDigest", message, details)


def payload_hash_differs(client: str, server: str) -> S3Error:
    """``x-amz-content-sha256`` is not the body's."""
    return S3Error(
        400,
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        {"ClientComputedContentSHA256": client, "S3ComputedContentSHA256": server},
    )


def invalid_request(message: str) -> S3Error:
    """A header is missing or contradicts another."""
    return S3Error(400, "InvalidRequest", message)


def invalid_argument(message: str, name: str = "", value: str = "") -> S3Error:
    """A parameter's value cannot be."""
    details = {"ArgumentName": name, "ArgumentValue": value} if name else {}
    return S3Error(400, "InvalidArgument", message, details)


def incomplete_body() -> S3Error:
    """Fewer or more bytes than were announced."""
    return S3Error(
        400,
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )


def missing_length() -> S3Error:
    """Neither ``Content-Length`` nor ``x-amz-decoded-content-length``."""
    return S3Error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")


def too_large(size: int, most: int) -> S3Error:
    """Over five gigabytes in one piece."""
    return S3Error(
        400,
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        {"ProposedSize": str(size), "MaxSizeAllowed": str(most)},
    )


def too_small(size: int, number: int, etag: str) -> S3Error:
    """A part that is not the last has less than 5 MB."""
    return S3Error(
        400,
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        {
            "ProposedSize": str(size),
            "MinSizeAllowed": str(MINIMUM_PART),
            "PartNumber": str(number),
            "ETag": etag,
        },
    )


def no_upload(upload_id: str) -> S3Error:
    """No multipart upload of this id."""
    return S3Error(
        404,
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
        "aborted or completed.",
        {"UploadId": upload_id},
    )


def invalid_part(upload_id: str, number: int, etag: str) -> S3Error:
    """The list names a part that did not arrive, or arrived as something else."""
    return S3Error(
        400,
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
        "specified entity tag may not match the part's entity tag.",
        {"UploadId": upload_id, "PartNumber": str(number), "ETag": etag},
    )


def part_order(upload_id: str) -> S3Error:
    """The list of parts does not ascend."""
    return S3Error(
        400,
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        {"UploadId": upload_id},
    )


def malformed_xml() -> S3Error:
    """The list of parts cannot be read."""
    return S3Error(
        400,
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def no_bucket(name: str) -> S3Error:
    """No bucket of this name."""
    return S3Error(404, "NoSuchBucket", "The specified bucket does not exist", {"BucketName": name})


def no_key(key: str) -> S3Error:
    """Nothing is stored under this key."""
    return S3Error(404, "NoSuchKey", "The specified key does not exist.", {"Key": key})


def not_allowed(method: str) -> S3Error:
    """The method means nothing here."""
    return S3Error(
        405,
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        {"Method": method, "ResourceType": "OBJECT"},
    )


def not_implemented(header: str) -> S3Error:
    """What the practice S3 does not play; the code is S3's, the sentence says whose fault it is."""
    return S3Error(
        501,
        "NotImplemented",
        f"The practice cloud does not play '{header}'. Amazon S3 does.",
        {"Header": header},
    )


def elsewhere(bucket: str, endpoint: str) -> S3Error:
    """The bucket lives in another region than the one that was asked."""
    return S3Error(
        301,
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint.",
        {"Endpoint": endpoint, "Bucket": bucket},
    )

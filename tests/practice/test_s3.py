"""S3 as other people's clients meet it: signatures, checksums, parts."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.auth import HmacV1QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from codesign_wizard.practice import client_settings
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.s3 import checksums
from codesign_wizard.practice.s3.signature import hmac_sha256
from tests.support.notary import BUCKET, NotaryClient

MEGABYTE = 1 << 20
HOST = f"https://{BUCKET}.s3.us-west-2.amazonaws.com"


class Bench:
    """Credentials for one object, a client with them, and what the bucket holds then."""

    def __init__(self, cloud: PracticeCloud, seconds: float = 3600) -> None:
        self.cloud = cloud
        self.key = f"prod/AROATEST:{os.urandom(8).hex()}"
        self.credentials = cloud.world.storage.issue(BUCKET, self.key, seconds, writes=True)
        self.where = {"Bucket": BUCKET, "Key": self.key}
        self.session = NotaryClient(cloud).session

    def client(self, **changes: Any) -> Any:
        own = self.credentials
        attributes = {
            "awsAccessKeyId": changes.pop("access_key", own.access_key),
            "awsSecretAccessKey": changes.pop("secret", own.secret),
            "awsSessionToken": changes.pop("token", own.token),
        }
        return NotaryClient(self.cloud).s3(attributes, **changes)

    def content(self) -> bytes:
        storage = self.cloud.world.storage
        stored = storage.get(BUCKET, self.key)
        assert stored is not None
        return storage.path(stored).read_bytes()

    def signed(self, method: str, url: str, data: bytes = b"", **headers: str) -> Any:
        """Send a request that botocore signs, with headers of one's own."""
        own = self.credentials
        request = AWSRequest(method, url, data=data, headers=headers)
        SigV4Auth(Credentials(own.access_key, own.secret, own.token), "s3", "us-west-2").add_auth(request)
        return self.session.request(method, url, data=data, headers=dict(request.headers), timeout=20)


@pytest.fixture
def bench(notary: NotaryClient) -> Bench:
    return Bench(notary.cloud)


def refused(call: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"s3": {"addressing_style": "path"}},
        {"s3": {"use_accelerate_endpoint": True}},
        {"s3": {"payload_signing_enabled": True}},
        {"request_checksum_calculation": "when_required"},
        {"region": "us-east-1"},  # led to the right one by what S3 says
    ],
    ids=lambda each: "-".join(str(value) for value in each.values()) or "default",
)
def test_amazons_client_uploads(bench: Bench, config: dict[str, Any]) -> None:
    answer = bench.client(**dict(config)).put_object(**bench.where, Body=io.BytesIO(b"hello" * 50_000))
    assert bench.content() == b"hello" * 50_000
    assert answer["ETag"] == f'"{hashlib.md5(b"hello" * 50_000).hexdigest()}"'
    head = bench.client().head_object(**bench.where)
    assert head["ContentLength"] == 250_000


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_checked_and_given_back(bench: Bench, algorithm: str) -> None:
    name = f"Checksum{algorithm}"
    answer = bench.client().put_object(
        **bench.where, Body=io.BytesIO(b"x" * 9000), ChecksumAlgorithm=algorithm
    )
    assert answer[name]
    wrong = base64.b64encode(bytes(len(base64.b64decode(answer[name])))).decode()
    assert refused(lambda: bench.client().put_object(**bench.where, Body=b"y", **{name: wrong})) == (
        "BadDigest",
        400,
    )
    assert bench.content() == b"x" * 9000


@pytest.mark.parametrize(
    ("algorithm", "expected"), [("crc32c", "e3069283"), ("crc64nvme", "ae8b14860a799888")]
)
def test_the_new_checksums_are_those_of_their_specifications(algorithm: str, expected: str) -> None:
    made = checksums.ALGORITHMS[algorithm]()
    made.update(b"1234")
    made.update(b"56789")
    assert made.digest().hex() == expected


def test_content_md5_is_checked(bench: Bench) -> None:
    right = base64.b64encode(hashlib.md5(b"text").digest()).decode()
    assert bench.client().put_object(**bench.where, Body=b"text", ContentMD5=right)
    assert (
        refused(lambda: bench.client().put_object(**bench.where, Body=b"other", ContentMD5=right))[0]
        == "BadDigest"
    )
    assert refused(lambda: bench.client().put_object(**bench.where, Body=b"text", ContentMD5="AAAA"))[0] == (
        "InvalidDigest"
    )


def test_the_signed_hash_is_the_bodys(bench: Bench) -> None:
    sent = bench.signed("PUT", f"{HOST}/{bench.key}", b"one", **{"X-Amz-Content-SHA256": "0" * 64})
    assert sent.status_code == 400
    assert "<Code>XAmzContentSHA256Mismatch</Code>" in sent.text


def test_refusals_of_credentials(bench: Bench) -> None:
    def put(**changes: str) -> tuple[str, int]:
        return refused(lambda: bench.client(**changes).put_object(**bench.where, Body=b"x"))

    assert put(secret="x" * 40) == ("SignatureDoesNotMatch", 403)
    assert put(access_key="ASIANOBODYNOBODYNOBO") == ("InvalidAccessKeyId", 403)
    assert put(token="FwoZ") == ("InvalidToken", 400)
    other = Bench(bench.cloud)
    assert refused(lambda: bench.client().put_object(**other.where, Body=b"x")) == ("AccessDenied", 403)
    assert (
        refused(lambda: bench.client().put_object(Bucket="some-bucket", Key="k", Body=b"x"))[0]
        == "NoSuchBucket"
    )
    ended = Bench(bench.cloud, seconds=-1)
    assert refused(lambda: ended.client().put_object(**ended.where, Body=b"x")) == ("ExpiredToken", 400)


def test_an_unsigned_request_is_denied(bench: Bench) -> None:
    answer = bench.session.put(f"{HOST}/{bench.key}", data=b"x", timeout=20)
    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code>" in answer.text


def test_a_header_that_is_not_signed_is_named(bench: Bench) -> None:
    own = bench.credentials
    request = AWSRequest("PUT", f"{HOST}/{bench.key}", data=b"x")
    SigV4Auth(Credentials(own.access_key, own.secret, own.token), "s3", "us-west-2").add_auth(request)
    headers = dict(request.headers) | {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD", "X-Amz-Meta-More": "1"}
    answer = bench.session.put(f"{HOST}/{bench.key}", data=b"x", headers=headers, timeout=20)
    assert answer.status_code == 403
    assert "<HeadersNotSigned>" in answer.text


def test_a_clock_that_is_off_is_told(bench: Bench) -> None:
    cloud = bench.cloud
    cloud.world.clock.offset = timedelta(minutes=14)
    assert bench.client().put_object(**bench.where, Body=b"x")
    cloud.world.clock.offset = timedelta(minutes=16)
    with pytest.raises(ClientError, match="RequestTimeTooSkewed") as caught:
        bench.client().put_object(**bench.where, Body=b"x")
    assert caught.value.response["Error"]["MaxAllowedSkewMilliseconds"] == "900000"


def test_presigned_addresses_work_and_end(bench: Bench) -> None:
    new = bench.client(signature_version="s3v4").generate_presigned_url("put_object", bench.where, 60)
    old = bench.client(signature_version="s3").generate_presigned_url("put_object", bench.where, 60)
    assert "X-Amz-Signature=" in new
    assert "AWSAccessKeyId=" in old
    for url in (new, old):
        answer = bench.session.put(url, data=b"by address", timeout=20)
        assert answer.status_code == 200, answer.text
        assert bench.session.put(url.replace("=ASIA", "=ASIB"), data=b"x", timeout=20).status_code == 403
    tampered = new.replace("X-Amz-Expires=60", "X-Amz-Expires=6000")
    assert "SignatureDoesNotMatch" in bench.session.put(tampered, data=b"x", timeout=20).text
    bench.cloud.world.clock.offset = timedelta(seconds=70)
    for url in (new, old):
        answer = bench.session.put(url, data=b"late", timeout=20)
        assert answer.status_code == 403
        assert "<Message>Request has expired</Message>" in answer.text


def chunked(bench: Bench, pieces: list[bytes], *, spoil: bool = False, trailer: bool = False) -> Any:
    """Send chunks that are signed one after the other, as some of Amazon's SDKs do."""
    mode = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailer else "")
    own = bench.credentials
    headers = {
        "X-Amz-Content-SHA256": mode,
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(sum(map(len, pieces))),
    }
    if trailer:
        headers["x-amz-trailer"] = "x-amz-checksum-crc32"
    request = AWSRequest("PUT", f"{HOST}/{bench.key}", headers=headers)
    auth = SigV4Auth(Credentials(own.access_key, own.secret, own.token), "s3", "us-west-2")
    auth.add_auth(request)
    stamp = request.headers["X-Amz-Date"]
    scope = f"{stamp[:8]}/us-west-2/s3/aws4_request"
    key = f"AWS4{own.secret}".encode()
    for part in scope.split("/"):
        key = hmac_sha256(key, part)
    previous = request.headers["Authorization"].rpartition("Signature=")[2]
    empty, body = hashlib.sha256(b"").hexdigest(), b""

    def sign(kind: str, content: str) -> str:
        return hmac_sha256(key, "\n".join((kind, stamp, scope, previous, content))).hex()

    for piece in [*pieces, b""]:
        previous = sign("AWS4-HMAC-SHA256-PAYLOAD", f"{empty}\n{hashlib.sha256(piece).hexdigest()}")
        sent = piece[:-1] + b"!" if spoil and piece else piece
        body += f"{len(piece):x};chunk-signature={previous}\r\n".encode() + sent + (b"\r\n" if piece else b"")
    if trailer:
        crc = base64.b64encode(zlib.crc32(b"".join(pieces)).to_bytes(4, "big")).decode()
        line = f"x-amz-checksum-crc32:{crc}"
        previous = sign("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(f"{line}\n".encode()).hexdigest())
        body += f"{line}\r\nx-amz-trailer-signature:{previous}\r\n".encode()
    body += b"\r\n"
    return bench.session.put(f"{HOST}/{bench.key}", data=body, headers=dict(request.headers), timeout=20)


@pytest.mark.parametrize("trailer", [False, True])
def test_signed_chunks_are_checked_one_by_one(bench: Bench, trailer: bool) -> None:
    pieces = [b"a" * 65536, b"b" * 9000, b"c" * 10]
    answer = chunked(bench, pieces, trailer=trailer)
    assert answer.status_code == 200, answer.text
    assert bench.content() == b"".join(pieces)
    assert "SignatureDoesNotMatch" in chunked(bench, pieces, spoil=True, trailer=trailer).text
    assert bench.content() == b"".join(pieces)


def test_a_body_of_another_length_leaves_nothing(bench: Bench) -> None:
    headers = {
        "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": "20",
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    answer = bench.signed("PUT", f"{HOST}/{bench.key}", body, **headers)
    assert "<Code>IncompleteBody</Code>" in answer.text
    assert bench.cloud.world.storage.get(BUCKET, bench.key) is None


def test_amazons_client_uploads_in_parts(bench: Bench) -> None:
    data = os.urandom(12 * MEGABYTE)
    config = TransferConfig(multipart_threshold=5 * MEGABYTE, multipart_chunksize=5 * MEGABYTE)
    bench.client().upload_fileobj(io.BytesIO(data), BUCKET, bench.key, Config=config)
    assert bench.content() == data
    digests = b"".join(
        hashlib.md5(data[at : at + 5 * MEGABYTE]).digest() for at in range(0, len(data), 5 * MEGABYTE)
    )
    expected = f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert bench.client().head_object(**bench.where)["ETag"] == expected


@pytest.fixture
def parts(bench: Bench) -> tuple[Bench, Any, str, list[str]]:
    client = bench.client()
    upload = client.create_multipart_upload(**bench.where)["UploadId"]
    tags = [
        client.upload_part(**bench.where, UploadId=upload, PartNumber=number, Body=body)["ETag"]
        for number, body in ((1, b"a" * 100), (2, b"b" * 200))
    ]
    return bench, client, upload, tags


def complete(parts: tuple[Bench, Any, str, list[str]], *listed: tuple[int, str]) -> tuple[str, int]:
    bench, client, upload, _ = parts
    document = {"Parts": [{"PartNumber": number, "ETag": tag} for number, tag in listed]}
    return refused(
        lambda: client.complete_multipart_upload(**bench.where, UploadId=upload, MultipartUpload=document)
    )


def test_a_list_of_parts_has_to_hold(parts: tuple[Bench, Any, str, list[str]]) -> None:
    first, second = parts[3]
    assert complete(parts, (1, first), (2, second)) == ("EntityTooSmall", 400)
    assert complete(parts, (2, second), (1, first)) == ("InvalidPartOrder", 400)
    assert complete(parts, (1, second)) == ("InvalidPart", 400)
    assert complete(parts, (3, first)) == ("InvalidPart", 400)
    assert complete(parts) == ("MalformedXML", 400)


def test_parts_are_listed_on_pages_and_dropped(parts: tuple[Bench, Any, str, list[str]]) -> None:
    bench, client, upload, tags = parts
    pages = list(
        client.get_paginator("list_parts").paginate(
            **bench.where, UploadId=upload, PaginationConfig={"PageSize": 1}
        )
    )
    assert [[part["ETag"] for part in page["Parts"]] for page in pages] == [[tags[0]], [tags[1]]]
    listed = client.list_multipart_uploads(Bucket=BUCKET, Prefix=bench.key)["Uploads"]
    assert [each["UploadId"] for each in listed] == [upload]
    client.abort_multipart_upload(**bench.where, UploadId=upload)
    assert refused(lambda: client.list_parts(**bench.where, UploadId=upload)) == ("NoSuchUpload", 404)
    assert refused(lambda: client.upload_part(**bench.where, UploadId=upload, PartNumber=1, Body=b"x"))[
        0
    ] == ("NoSuchUpload")


def test_a_part_is_replaced_and_small_ones_do_when_last(parts: tuple[Bench, Any, str, list[str]]) -> None:
    bench, client, upload, _ = parts
    tag = client.upload_part(**bench.where, UploadId=upload, PartNumber=1, Body=b"new")["ETag"]
    document = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    client.complete_multipart_upload(**bench.where, UploadId=upload, MultipartUpload=document)
    assert bench.content() == b"new"
    assert refused(lambda: client.list_parts(**bench.where, UploadId=upload))[0] == "NoSuchUpload"


def test_parts_survive_the_cloud(start: Callable[..., Any], tmp_path: Any) -> None:
    cloud = start(state=tmp_path).cloud
    bench = Bench(cloud)
    upload = bench.client().create_multipart_upload(**bench.where)["UploadId"]
    first = b"1" * (5 * MEGABYTE)
    tag = bench.client().upload_part(**bench.where, UploadId=upload, PartNumber=1, Body=first)["ETag"]
    (tmp_path / "s3" / "half-written").write_bytes(b"what a killed run leaves")
    cloud.stop()
    bench.cloud = start(state=tmp_path).cloud
    assert [path.name for path in (tmp_path / "s3").iterdir()] != []
    assert not (tmp_path / "s3" / "half-written").exists()
    client = bench.client()
    listed = client.list_parts(**bench.where, UploadId=upload)["Parts"]
    assert [(each["PartNumber"], each["ETag"], each["Size"]) for each in listed] == [(1, tag, len(first))]
    second = client.upload_part(**bench.where, UploadId=upload, PartNumber=2, Body=b"end")["ETag"]
    document = {"Parts": [{"PartNumber": 1, "ETag": tag}, {"PartNumber": 2, "ETag": second}]}
    client.complete_multipart_upload(**bench.where, UploadId=upload, MultipartUpload=document)
    assert bench.content() == first + b"end"


def test_what_is_not_played_says_so(bench: Bench) -> None:
    assert refused(lambda: bench.client().put_object(**bench.where, Body=b"x", IfNoneMatch="*")) == (
        "NotImplemented",
        501,
    )


def test_a_client_that_knows_no_proxy_has_an_endpoint(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", client_settings.environment(bench.cloud)["AWS_ENDPOINT_URL_S3"])
    own = bench.credentials
    client = boto3.client(
        "s3",
        region_name="us-west-2",
        aws_access_key_id=own.access_key,
        aws_secret_access_key=own.secret,
        aws_session_token=own.token,
    )
    data = os.urandom(200_000)  # more than the cloud's own pages take
    client.put_object(**bench.where, Body=io.BytesIO(data))
    assert bench.content() == data


def test_a_refusal_comes_before_the_body_is_sent(bench: Bench) -> None:
    """``Expect: 100-continue``: the answer is there although not a byte of the body has been sent."""
    import socket
    import ssl

    host = f"{BUCKET}.s3.us-west-2.amazonaws.com"
    port = int(bench.cloud.proxy_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert b" 200 " in plain.recv(1000)
        context = ssl.create_default_context(cafile=str(bench.cloud.ca_file))
        with context.wrap_socket(plain, server_hostname=host) as secured:
            secured.sendall(
                f"PUT /{bench.key} HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\n"
                f"Content-Length: 1000000000\r\n\r\n".encode()
            )
            assert secured.recv(1000).startswith(b"HTTP/1.1 403 ")


def test_version_2_of_signatures_is_botocores(notary: NotaryClient) -> None:
    """The addresses of logs: by the cloud's own code and by botocore's they are the same."""
    cloud = notary.cloud
    storage = cloud.world.storage
    storage.put_bytes("notary-artifacts-prod", "prod/x/developer_log.json", b"{}")
    own = storage.issue("notary-artifacts-prod", "prod/x/developer_log.json", 3600, writes=False)
    url = "https://notary-artifacts-prod.s3.amazonaws.com/prod/x/developer_log.json"
    request = AWSRequest("GET", url)
    request.auth_path = "/notary-artifacts-prod/prod/x/developer_log.json"
    HmacV1QueryAuth(Credentials(own.access_key, own.secret, own.token), expires=60).add_auth(request)
    session = NotaryClient(cloud).session
    assert session.get(request.url, timeout=20).content == b"{}"
    assert session.put(request.url, data=b"x", timeout=20).status_code == 403

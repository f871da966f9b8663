"""What the practice cloud answers under its own address: the sign-in pages, ``az``, and S3's endpoint.

A browser knows nothing of the proxy and trusts no practice CA. It gets the vendor's pages by plain http from
127.0.0.1, as ``/sign-in/HOST/PATH``. S3 is there as ``/BUCKET/KEY``; nothing else of the vendors' is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from codesign_wizard.practice import az
from codesign_wizard.practice.entra import pages
from codesign_wizard.practice.entra.routes import service as entra
from codesign_wizard.practice.s3.models import BUCKETS
from codesign_wizard.practice.s3.routes import Objects
from codesign_wizard.practice.wire.messages import Request, Response

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

_PREFIX = "/sign-in/"
# the cloud's own address is an S3 endpoint for programs whose client knows no proxy; by plain http
S3_PATHS = tuple(f"/{bucket}/" for bucket in BUCKETS)
_PAGES = re.compile(
    r"/sign-in/([a-z0-9.-]{1,253})(/(?:devicelogin|[^/]+/oauth2/(?:v2\.0/authorize|deviceauth))/?)"
)


def front(world: World) -> Callable[[Request], Response]:
    """Return what answers requests to the cloud's own address."""
    service = entra(world)
    objects = Objects(world.storage, world.clock)

    def answer(request: Request) -> Response:
        # another site's page in the same browser has no business here
        origin = request.headers.get("Origin")
        if origin and origin != f"http://{request.headers.get('Host')}":
            return Response(403, b"", close=True)
        if request.path.startswith(az.PATH):
            return az.answer(world, request)
        if request.path.startswith(S3_PATHS):
            bucket, _, key = unquote(request.path.removeprefix("/")).partition("/")
            return objects.answer(request, bucket, key)
        found = _PAGES.fullmatch(request.path)
        if found is None or request.method not in ("GET", "HEAD", "POST") or not service.serves(found[1]):
            return pages.missing()
        request.host, request.scheme, request.port = found[1], "https", 443
        request.target = request.target.removeprefix(f"{_PREFIX}{found[1]}")
        return service.handle(request)

    return answer


def browser_path(url: str) -> str:
    """Return the path of the practice page for a vendor's sign-in address.

    Any other address leads to a page that says that there is nothing.
    """
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{_PREFIX}{parts.hostname or 'nowhere'}{parts.path or '/'}{query}"

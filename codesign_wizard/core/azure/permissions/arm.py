"""Azure Resource Manager and Microsoft Graph, called as they are: pages, refusals, one token.

Azure/azure-rest-api-specs, and learn.microsoft.com/azure/azure-resource-manager/management/common-error-codes
(``{"error": {"code", "message"}}``). A token is sent to the host it is for and to no other, also when an
answer's ``nextLink`` names one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from codesign_wizard.core.azure.permissions import admin_findings as kinds
from codesign_wizard.core.azure.permissions.arm_refusal import ArmRefusal, read_refusal
from codesign_wizard.core.clouds import Cloud
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, Finding, utc_now
from codesign_wizard.core.job import JobContext, side_by_side
from codesign_wizard.core.network import Network, is_at
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

AUTHORIZATION_API = "2022-04-01"
SUBSCRIPTIONS_API = "2022-12-01"
RESOURCES_API = "2021-04-01"
# the newest that is known, and one that every cloud has
VAULT_APIS = ("2026-05-15", "2023-07-01")
_PAGES = 100
_AT_ONCE = 6

T = TypeVar("T")


class RefusedError(CodesignError):
    """Resource Manager or Graph refused; ``refusal`` is what it said, ``finding`` what that means."""

    def __init__(self, finding: Finding, refusal: ArmRefusal) -> None:
        super().__init__(finding)
        self.refusal = refusal


class Arm:
    """Sends requests to *host* with *token*; ``account`` names who asks, for findings."""

    def __init__(
        self,
        job: JobContext,
        network: Network,
        cloud: Cloud,
        token: Secret,
        *,
        account: str = "",
        host: str = "",
        retries: int = 2,
    ) -> None:
        self.job, self.network, self.cloud, self.account = job, network, cloud, account
        self.host = host or cloud.management_host
        self._token = token
        self._retries = retries

    def get(self, path: str, api: str = "", query: str = "") -> dict[str, Any]:
        """Return the JSON object at *path*; raises ``RefusedError``, ``NetworkError``, ``Cancelled``."""
        return self._document(self.send("GET", self.url(path, api, query)))

    def pages(self, path: str, api: str = "", query: str = "") -> Iterator[dict[str, Any]]:
        """Yield the objects of the list at *path*, page after page.

        Raises as ``get``, and ``CodesignError`` for what is no list or does not end: a part of one would be
        taken for all of it.
        """
        url = self.url(path, api, query)
        for _ in range(_PAGES):
            document = self._document(self.send("GET", url))
            listed = document.get("value")
            if not isinstance(listed, list):
                raise self.odd(tr("what it gives is no list"))
            yield from (each for each in listed if isinstance(each, dict))
            url = str(document.get("nextLink") or document.get("@odata.nextLink") or "")
            if not url:
                return
        raise self.odd(tr("its list does not end"))

    def vault(self, resource_id: str) -> tuple[dict[str, Any], str]:
        """Return a vault, and the version of the API that this cloud knows; raises as ``get``."""
        newest, older = VAULT_APIS
        try:
            return self.get(resource_id, newest), newest
        except RefusedError as error:
            if error.refusal.code not in ("NoRegisteredProviderFound", "InvalidApiVersionParameter"):
                raise
        return self.get(resource_id, older), older

    def send(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Send one request and return the answer, whatever its status.

        Raises ``NetworkError``, and ``CodesignError`` for an address of any other host.
        """
        if not is_at(url, self.host):
            raise self.odd(tr("it names an address that is none of its own"))
        headers = {"Authorization": f"Bearer {self._token.reveal()}", "Accept": "application/json"}
        return self.network.request(
            self.job, method, url, headers=headers, json=body, part="management", retries=self._retries
        )

    def url(self, path: str, api: str = "", query: str = "") -> str:
        """Return the address of *path* (ids, which may hold blanks or brackets); *query* is ready to send."""
        parts = [each for each in (query, f"api-version={api}" if api else "") if each]
        # what the ids of Azure and the functions of OData hold beside letters and digits
        address = f"https://{self.host}" + quote(path, safe="/.()-_~'=", errors="replace")
        return f"{address}?{'&'.join(parts)}" if parts else address

    def refused(self, answer: Answer) -> RefusedError:
        """Return what *answer*, other than success, means."""
        refusal = read_refusal(answer)
        return RefusedError(kinds.explain_arm(refusal, self.cloud, self.account), refusal)

    def odd(self, words: str) -> CodesignError:
        """Return that what came is not what this service gives; *words* say how."""
        return CodesignError(
            kinds.REFUSED(words=words, evidence=Evidence(time=utc_now(), more={"host": self.host}))
        )

    def side_by_side(self, *calls: Any) -> list[Any]:
        """Run *calls* at the same time, a few at once; return each one's result, or its ``CodesignError``."""

        def run(number: int, call: Any) -> tuple[int, Any]:
            try:
                return number, call()
            except CodesignError as error:
                return number, error

        results: list[Any] = [None] * len(calls)
        numbered = [partial(run, number, call) for number, call in enumerate(calls)]
        for number, result in side_by_side(self.job, numbered, at_once=_AT_ONCE, name="arm"):
            results[number] = result
        return results

    def _document(self, answer: Answer) -> dict[str, Any]:
        if answer.status != 200:
            raise self.refused(answer)
        try:
            document = answer.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise self.refused(answer)
        return document


def odata(text: str) -> str:
    """Return *text* as a string of an OData filter, without its quotes (OData 4.01, 5.1.1.6.1)."""
    return text.replace("'", "''")


def filtered(expression: str) -> str:
    """Return the query that asks for *expression*."""
    return f"$filter={quote(expression, safe='()', errors='replace')}"

"""People's sign-ins on the wire: the authorize and device code endpoints, and their pages."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from codesign_wizard.core.text import tr
from codesign_wizard.practice.entra import errors, pages
from codesign_wizard.practice.entra.models import Tenant
from codesign_wizard.practice.entra.people import PUBLIC_CLIENTS, Authorization, RedirectedError, SignedIn
from codesign_wizard.practice.entra.tokens import LIFETIME, base64url
from codesign_wizard.practice.wire.messages import Request, Response, json_response

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

VERIFICATION = "https://microsoft.com/devicelogin"
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class PeopleRoutes:
    """Words the answers of people's sign-ins; *public* tells whether a request came to the public cloud."""

    def __init__(self, world: World, public: Callable[[Request], bool]) -> None:
        self._world = world
        self._public = public

    def device_code(self, request: Request) -> Response:
        """Answer a device that begins (RFC 8628, 3.2)."""
        sign_ins = self._world.sign_ins
        wish = sign_ins.wish(request.values["tenant"], request.form(), public=self._public(request))
        code = sign_ins.begin_device(wish)
        return json_response(
            200,
            {
                "user_code": code.user_code,
                "device_code": code.device_code,
                "verification_uri": VERIFICATION,
                "expires_in": code.expires - self._world.clock.timestamp(),
                "interval": code.interval,
                "message": f"To sign in, use a web browser to open the page {VERIFICATION} and enter the "
                f"code {code.user_code} to authenticate.",
            },
        )

    def token(self, request: Request, form: dict[str, str]) -> Response | None:
        """Answer the token request of a person's sign-in; ``None`` for another grant."""
        sign_ins = self._world.sign_ins
        redeem = {
            "authorization_code": sign_ins.redeem_code,
            _DEVICE_GRANT: sign_ins.redeem_device,
            "device_code": sign_ins.redeem_device,
            "refresh_token": sign_ins.refresh,
        }.get(form.get("grant_type", ""))
        if redeem is None:
            return None
        done = redeem(request.values["tenant"], form, public=self._public(request))
        return json_response(200, self._document(done, form))

    def _document(self, done: SignedIn, form: dict[str, str]) -> dict[str, Any]:
        tokens, grant = self._world.tokens, done.grant
        assert grant.user is not None, "a person signed in"
        resource = grant.audience.removesuffix("/")
        document: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": f"{resource}/user_impersonation {resource}/.default",
            "expires_in": LIFETIME,
            "ext_expires_in": LIFETIME,
            "access_token": tokens.issue(grant),
        }
        if done.wish.has("offline_access"):
            document["refresh_token"] = self._world.sign_ins.refresh_token(done)
        if done.wish.has("openid"):
            document["id_token"] = tokens.issue_identity(grant, done.nonce)
        if form.get("client_info") == "1":
            who = {"uid": grant.user.object_id, "utid": grant.tenant.tenant_id}
            document["client_info"] = base64url(json.dumps(who).encode())
        return document

    def authorize(self, request: Request) -> Response:
        """Show who can sign in, or take the answer and send the browser back with a code."""
        try:
            asked = self._world.sign_ins.authorization(
                request.values["tenant"], request.query, public=self._public(request)
            )
        except RedirectedError as error:
            return self._back(error.redirect_uri, error.mode, error.state, self._told(error.error))
        except errors.EntraError as error:
            return pages.refused(f"AADSTS{error.number}: {error.text}", error.status)
        tenant = self._world.sign_ins.tenant(asked.wish)
        if request.method != "POST":
            return pages.choose(tenant.users, PUBLIC_CLIENTS[asked.wish.client])
        return self._answered(asked, tenant, request.form().get("who", ""))

    def _answered(self, asked: Authorization, tenant: Tenant, who: str) -> Response:
        if not who:
            told = self._told(errors.declined())
            return self._back(asked.redirect_uri, asked.mode, asked.state, told)
        user = next((each for each in tenant.users if each.object_id == who), None)
        if user is None:
            return pages.choose(tenant.users, PUBLIC_CLIENTS[asked.wish.client])
        fields = {
            "code": self._world.sign_ins.authorize(asked, user),
            "client_info": base64url(json.dumps({"uid": who, "utid": tenant.tenant_id}).encode()),
            "session_state": str(uuid.uuid4()),
        }
        return self._back(asked.redirect_uri, asked.mode, asked.state, fields)

    def _told(self, error: errors.EntraError) -> dict[str, str]:
        return {"error": error.error, "error_description": f"AADSTS{error.number}: {error.text}"}

    def _back(self, address: str, mode: str, state: str, fields: dict[str, str]) -> Response:
        """Send the browser to the waiting program (RFC 6749, 4.1.2)."""
        if state:
            fields = {**fields, "state": state}
        if mode == "form_post":
            return pages.form_post(address, fields)
        mark = "#" if mode == "fragment" else "&" if "?" in address else "?"
        return Response(302, b"", [("Location", f"{address}{mark}{urlencode(fields)}")])

    def device_login(self, request: Request) -> Response:
        """Ask for the code that the device shows, or take it and who signs in."""
        sign_ins, people = self._world.sign_ins, self._world.tenant.users
        if request.method != "POST":
            return pages.device(people, code=request.query.get("otc", ""))
        form = request.form()
        typed, who = form.get("otc", ""), form.get("who", "")
        try:
            people = sign_ins.tenant(sign_ins.waiting(typed).wish).users
            user = next((each for each in people if each.object_id == who), None)
            if who and user is None:
                # the code is of another tenant than the page thought: its people are shown now
                return pages.device(people, code=typed)
            if user is None:
                sign_ins.decline(typed)
            else:
                sign_ins.approve(typed, user)
        except KeyError:
            return pages.device(people, wrong=tr("That code did not work. Check it and try again."))
        return pages.done(declined=user is None)

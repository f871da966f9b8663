"""The network of a session: by its present settings, and with the password of its proxy from the keyring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from codesign_wizard.core.finding import Finding
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import PROXY_PASSWORD
from codesign_wizard.overrides import first

if TYPE_CHECKING:
    from codesign_wizard.core.network import Network, NetworkSettings
    from codesign_wizard.core.profile import Profile
    from codesign_wizard.core.secrets import SecretStore
    from codesign_wizard.overrides import Overrides
    from codesign_wizard.practice.cloud import PracticeCloud

PRACTICE_PACE = 0.005  # of the pauses between attempts


class Owner(Protocol):
    """Whose network it is: a session."""

    profile: Profile
    overrides: Overrides
    practice: PracticeCloud | None

    @property
    def secrets(self) -> SecretStore:
        """The store of secrets, opened on first use."""


class SessionNetwork:
    """The networks that *owner* used so far, by their settings, and its proxy's password."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._network: Network | None = None
        self._networks: dict[NetworkSettings, Network] = {}

    def current(self) -> Network:
        """Return the network by the present settings; a new object when the settings changed."""
        from codesign_wizard.core.network import Network

        settings = self._settings()
        if self._network is None or self._network.settings != settings:
            profile_id = settings.login_of
            ask = (lambda: self._owner.secrets.get(profile_id, PROXY_PASSWORD)) if profile_id else None
            self._network = self._networks.setdefault(settings, Network(settings, ask))
        return self._network

    def drop(self) -> None:
        """Let the next who asks for the network get a new one, with no connection open from before."""
        network, self._network = self._network, None
        if network is not None:
            self._networks.pop(network.settings, None)
            network.close()

    def share(self, other: SessionNetwork) -> None:
        """Use the connections of *other* where the way out is the same."""
        self._networks = other._networks

    def close(self) -> None:
        """Close the connections that are kept; safe to call twice."""
        for network in list(self._networks.values()):
            network.close()

    def proxy_password(self) -> Secret | None:
        """Return the password of the profile's user at the proxy, if it is kept; may ask the keyring."""
        return self._owner.secrets.get(self._owner.profile.id, PROXY_PASSWORD)

    def set_proxy(self, address: str) -> bool:
        """Take the proxy's *address* into the profile, a password in it into the keyring.

        A password that was kept stays only for the same address. Tells whether there was one to keep. May ask
        the keyring; raises ``CodesignError``, and nothing is changed then.
        """
        from codesign_wizard.core import proxy_login

        bare, password = proxy_login.split(address)
        former = self._owner.profile.network.proxy
        if password is not None:
            self._owner.secrets.set(self._owner.profile.id, PROXY_PASSWORD, password)
        elif proxy_login.names_user(former) and bare != former:
            # it must not be sent to another host, nor for another user
            self._owner.secrets.forget(self._owner.profile.id, PROXY_PASSWORD)
        if self._owner.profile.network.proxy == former:  # else it was typed anew meanwhile
            self._owner.profile.network.proxy = bare
        self._forget_login()
        return password is not None

    def forget_proxy_password(self) -> None:
        """Forget the password of the proxy's user; the address stays. Raises ``CodesignError``."""
        self._owner.secrets.forget(self._owner.profile.id, PROXY_PASSWORD)
        self._forget_login()

    @property
    def holds_proxy_password(self) -> bool:
        """Whether the profile itself has the proxy's password still, as files of earlier versions may."""
        from codesign_wizard.core import proxy_login

        return proxy_login.split(self._owner.profile.network.proxy)[1] is not None

    def keep_proxy_password(self) -> Sequence[Finding]:
        """Move a password in the profile's proxy into the keyring, and return what to tell.

        May ask the keyring; raises ``CodesignError``, and the profile is as it was then.
        """
        if not self.holds_proxy_password:
            return []
        self.set_proxy(self._owner.profile.network.proxy)
        return self.proxy_not_kept()

    def proxy_not_kept(self) -> Sequence[Finding]:
        """Return what to tell once a password of the proxy was kept: there may be no keyring."""
        if self._owner.secrets.kept:
            return []
        from codesign_wizard.core.secrets import NOT_KEPT

        return [NOT_KEPT(detail=self._owner.secrets.reason)]

    def _forget_login(self) -> None:
        for settings, network in list(self._networks.items()):  # others may add to them meanwhile
            if settings.login_of == self._owner.profile.id:
                self._networks.pop(settings, None)
                network.close()
        self._network = None

    def _settings(self) -> NetworkSettings:
        from codesign_wizard.core.network import NetworkSettings
        from codesign_wizard.core.proxy_login import names_user

        options, over = self._owner.profile.network, self._owner.overrides
        ask = over.proxy is None and names_user(options.proxy)
        return NetworkSettings(
            proxy=first(over.proxy, options.proxy),
            login_of=self._owner.profile.id if ask else "",
            ca_bundle=first(over.ca_bundle, options.ca_bundle),
            timeout=options.timeout if over.timeout is None else over.timeout,
            use_environment=self._owner.practice is None,
            # what practice hands out must not be met again outside it
            cache="" if self._owner.practice is None else str(self._owner.practice.folder / "cache"),
            pace=1.0 if self._owner.practice is None else PRACTICE_PACE,
        )

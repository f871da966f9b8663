"""One run of the program: a profile, its secrets, and the network they go over.

The commands and the window both work on a ``Session``. In practice mode it starts the practice cloud and
hands out the network that leads there; nothing below knows the difference.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.profile import LEVELS, Profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import (
    APPLE_API_KEY,
    APPLE_KEYS_PASSWORD,
    APPLE_OTHER_PASSWORD,
    APPLE_PASSWORD,
    APPLICATION_SECRET,
    SERVER_PASSWORD,
    SecretStore,
    open_store,
)
from codesign_wizard.overrides import Overrides, check_level, first
from codesign_wizard.session_network import SessionNetwork

if TYPE_CHECKING:
    from codesign_wizard.core.apple.api_key import ApiKey
    from codesign_wizard.core.apple.notary_api import NotaryApi
    from codesign_wizard.core.apple.notary_desk import Desk
    from codesign_wizard.core.apple.notary_explain import KnownKey
    from codesign_wizard.core.apple.options import AppleOptions
    from codesign_wizard.core.apple.submissions import SubmissionStore
    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.roots import RootStore
    from codesign_wizard.core.authenticode.timestamp import Timestamper
    from codesign_wizard.core.azure.options import AzureOptions
    from codesign_wizard.core.comet.address import ServerAddress
    from codesign_wizard.core.comet.journal import Journal
    from codesign_wizard.core.comet.settings import MacosWanted, Wanted
    from codesign_wizard.core.macos_trial_state import TrialState
    from codesign_wizard.core.network import Network
    from codesign_wizard.core.report_open import Origin
    from codesign_wizard.practice.cloud import PracticeCloud

PRACTICE_PROFILE = "practice"  # its id


class Session:
    """A profile at work. Close it, or use it as a context manager: practice ends with it."""

    def __init__(
        self,
        profile: Profile,
        profiles: ProfileStore,
        *,
        overrides: Overrides | None = None,
        secrets: SecretStore | None = None,
        practice: PracticeCloud | None = None,
        scenario: str | None = None,
        origin: Origin | None = None,
    ) -> None:
        self.profile = profile
        self.profiles = profiles
        self.overrides = overrides or Overrides()
        self.practice = practice
        self.scenario = scenario
        self.origin = origin  # where it was read from, when this is somebody's report: nothing runs then
        self._secrets = secrets
        self.networking = SessionNetwork(self)
        self._az_folder = ""

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def beside(self, profile: Profile, secrets: SecretStore | None = None) -> Session:
        """Return a session on another profile of the same store; practice stays with this one.

        It asks *secrets* where that is given, else the store of this one.
        """
        beside = Session(
            profile,
            self.profiles,
            overrides=self.overrides,
            secrets=self.secrets if secrets is None else secrets,
            practice=self.practice,
        )
        beside.scenario = self.scenario
        # those with the same way out use the same connections
        beside.networking.share(self.networking)
        return beside

    def close(self) -> None:
        """Close the connections that are kept, and end practice, if this is practice; safe to call twice."""
        self.networking.close()
        if self.practice is not None:
            _take_from_path(self._az_folder)
            self.practice.stop()

    @property
    def secrets(self) -> SecretStore:
        """The store of secrets, opened on first use, which can take a moment."""
        if self._secrets is None:
            self._secrets = open_store()
        return self._secrets

    @property
    def opened_secrets(self) -> SecretStore | None:
        """The store of secrets if it has been opened: asking never waits for a keyring."""
        return self._secrets

    @property
    def network(self) -> Network:
        """The network by the present settings; a new object when the settings changed.

        Raises ``CodesignError`` when this is a report: nothing reaches out from one.
        """
        if self.origin is not None:
            from codesign_wizard.core.report import READ_ONLY

            raise CodesignError(READ_ONLY(detail=self.origin.words))
        return self.networking.current()

    def azure_options(self) -> AzureOptions:
        """Return the Azure options for this run, tidied; they may still be wrong."""
        from codesign_wizard.core.azure.options import AzureOptions, tidy
        from codesign_wizard.core.clouds import PUBLIC, by_key

        azure, over = self.profile.windows.azure, self.overrides
        try:
            cloud = by_key(azure.cloud)
        except KeyError:
            cloud = PUBLIC
        return AzureOptions(
            vault_name=tidy("vault_name", first(over.vault_name, azure.vault_name)),
            certificate_name=tidy("certificate_name", first(over.certificate_name, azure.certificate_name)),
            application_id=tidy("application_id", first(over.application_id, azure.application_id)),
            tenant_id=tidy("tenant_id", first(over.tenant_id, azure.tenant_id)),
            cloud=cloud,
        )

    def application_secret(self) -> Secret | None:
        """Return the application's secret for this run, if there is one; may ask the keyring."""
        if self.overrides.application_secret is not None:
            return self.overrides.application_secret
        return self.secrets.get(self.profile.id, APPLICATION_SECRET)

    def set_application_secret(self, secret: Secret | None) -> None:
        """Keep the secret, or forget it with ``None``; what relied on the former one is then out of date."""
        if secret is None:
            self.secrets.forget(self.profile.id, APPLICATION_SECRET)
        else:
            self.secrets.set(self.profile.id, APPLICATION_SECRET, secret)
        self.profile.windows.azure.secret_revision += 1
        self.profile.ends.client_secret = ""

    def api_private_key(self) -> Secret | None:
        """Return the App Store Connect API key's private key (PEM), if it is kept; may ask the keyring."""
        return self.secrets.get(self.profile.id, APPLE_API_KEY)

    def api_key_places(self) -> Sequence[Path]:
        """Return the folders where an API key's file may lie; in practice nobody looks into real ones."""
        if self.practice is not None:
            return [self.practice.api_key_file.parent]
        from codesign_wizard.core.apple.api_key import usual_places

        return usual_places()

    def api_key(self) -> ApiKey | None:
        """Return the profile's API key with its ids as they are, if there is one; may ask the keyring."""
        from codesign_wizard.core.apple.api_key import ApiKey

        private, own = self.api_private_key(), self.profile.macos.api_key
        return None if private is None else ApiKey(own.key_id, own.issuer_id, private)

    def set_api_key(self, key: ApiKey | None, *, named: str = "") -> None:
        """Keep the key and its ids, or forget them with ``None``; *named* is the file name's Key ID."""
        own = self.profile.macos.api_key
        if key is None:
            self.secrets.forget(self.profile.id, APPLE_API_KEY)
            own.key_id = own.issuer_id = ""
        else:
            self.secrets.set(self.profile.id, APPLE_API_KEY, key.private_key)
            own.key_id, own.issuer_id = key.key_id, key.issuer_id
        own.named, own.accepted = named, ""
        own.revision += 1

    def notary_api(self, key: ApiKey, known: KnownKey | None = None) -> NotaryApi:
        """Return the notary service, asked with *key*; raises ``InputError`` for one that cannot be read."""
        from codesign_wizard.core.apple.notary_api import NotaryApi

        return NotaryApi(self.network, key, known)

    def notary_desk(self, key: ApiKey, known: KnownKey | None = None) -> Desk:
        """Return what notarising needs; raises ``InputError`` for a key that cannot be read."""
        from codesign_wizard.core.apple.notary_desk import Desk

        return Desk(
            self.notary_api(key, known), self.submissions(), self.secrets, self.profile.id, self.apple_roots()
        )

    def submissions(self) -> SubmissionStore:
        """Return the notes on what this profile submitted to Apple."""
        from codesign_wizard.core.apple.submissions import SubmissionStore

        return SubmissionStore(self.profiles.folder.parent / "apple" / self.profile.id / "submissions")

    def server_address(self) -> ServerAddress:
        """Return the Comet Server's address for this run; raises ``InputError`` without a usable one."""
        from codesign_wizard.core.comet.address import parse_address

        return parse_address(first(self.overrides.server_address, self.profile.server.address))

    @property
    def server_user(self) -> str:
        """The administrator of the Comet Server for this run, "" when nobody is named."""
        return first(self.overrides.server_user, self.profile.server.user).strip()

    def server_password(self) -> Secret | None:
        """Return the administrator's password for this run, if there is one; may ask the keyring."""
        if self.overrides.server_password is not None:
            return self.overrides.server_password
        return self.secrets.get(self.profile.id, SERVER_PASSWORD)

    def set_server_password(self, password: Secret | None) -> None:
        """Keep the administrator's password, or forget it with ``None``."""
        if password is None:
            self.secrets.forget(self.profile.id, SERVER_PASSWORD)
        else:
            self.secrets.set(self.profile.id, SERVER_PASSWORD, password)

    def server_wanted(self) -> Wanted:
        """Return what the profile holds for the Comet Server; may ask the keyring."""
        from codesign_wizard.core.comet.settings import Wanted

        windows, macos = self.profile.windows_wanted, self.profile.macos_wanted
        return Wanted(
            azure=self.azure_options() if windows else None,
            secret=self.application_secret() if windows else None,
            macos=self._macos_wanted() if macos else None,
        )

    def _macos_wanted(self) -> MacosWanted:
        from codesign_wizard.core.comet.settings import MacosWanted

        macos, options = self.profile.macos, self.apple_options()
        return MacosWanted(
            # their places are the server's numbers for them
            level=LEVELS.index(self.macos_level()),
            installer=options.installer_file,
            application=options.application_file,
            password=options.password,
            issuer_id=macos.api_key.issuer_id,
            key_id=macos.api_key.key_id,
            key=self.api_private_key(),
            team=options.team,
            roots=self.apple_roots(),
        )

    def server_journal(self) -> Journal:
        """Return what was last changed on the Comet Server."""
        from codesign_wizard.core.comet.journal import Journal

        folder = self.profiles.folder.parent / "server"
        return Journal(folder, self.profile.id, self.secrets)

    def server_code(self) -> Secret | None:
        """Return a one-time code that was given for this run, ``None`` without one."""
        return self.overrides.server_code

    def apple_options(self, password: Secret | None = None) -> AppleOptions:
        """Return the two .p12 files, their password and the team for this run; may ask the keyring.

        *password* is taken in place of the kept one. In practice the files are made when first asked for.
        """
        from codesign_wizard.core.apple.options import AppleOptions

        apple, over = self.profile.macos, self.overrides
        if self.practice is not None:
            self.practice.apple_account.write()
        files = [
            Path(name).expanduser() if name else None
            for name in (
                first(over.application_file, apple.application_file),
                first(over.installer_file, apple.installer_file),
            )
        ]
        return AppleOptions(
            files[0],
            files[1],
            self.apple_password() if password is None else password,
            first(over.apple_team, apple.team),
        )

    def apple_password(self) -> Secret | None:
        """Return the one password of the two .p12 files, if there is one; may ask the keyring."""
        if self.overrides.apple_password is not None:
            return self.overrides.apple_password
        return self.secrets.get(self.profile.id, APPLE_PASSWORD)

    def set_apple_password(self, password: Secret | None) -> None:
        """Keep the password, or forget it with ``None``; what relied on the former one is out of date."""
        if password is None:
            self.secrets.forget(self.profile.id, APPLE_PASSWORD)
        else:
            self.secrets.set(self.profile.id, APPLE_PASSWORD, password)
        self.profile.macos.password_revision += 1

    def macos_level(self) -> str:
        """Return how far signing for macOS goes in this run, one of ``profile.LEVELS``."""
        value = first(self.overrides.macos_level, self.profile.macos.level)
        return check_level(value, "macos.level")

    def macos_trial(self) -> TrialState | None:
        """Return how far the last macOS trial above the level of signing came; ``None`` without one."""
        import json

        from codesign_wizard.core.macos_trial_state import TrialState

        try:
            return TrialState.from_json(json.loads(self._trial_file().read_text("utf-8")))
        except (OSError, ValueError):
            return None

    def keep_macos_trial(self, state: TrialState) -> None:
        """Keep how far a macOS trial came; raises ``InputError`` when that cannot be written."""
        import json

        from codesign_wizard.core.files import write_atomic
        from codesign_wizard.core.profile_store import NOT_SAVED

        data = json.dumps(state.to_json(), indent=2).encode()
        try:
            write_atomic(self._trial_file(), data, private=True)
        except OSError as error:
            raise InputError(NOT_SAVED(name=self.profile.name, detail=str(error))) from error

    def _trial_file(self) -> Path:
        return self.profiles.folder.parent / "apple" / self.profile.id / "trial.json"

    def apple_timestamper(self, servers: Sequence[str] = ()) -> Timestamper:
        """Return what asks Apple's time-stamp server, or *servers*; raises ``InputError`` for an address."""
        from codesign_wizard.core.authenticode.timestamp import Timestamper

        chosen = servers or self.profile.macos.timestamp_servers
        return Timestamper(self.network, chosen, roots=self.apple_roots().timestamp)

    def put_az_on_path(self) -> None:
        """In practice, let this process find practice's own ``az`` before any other, until ``close``.

        azure-identity looks for ``az`` on the PATH, and nowhere else.
        """
        if self.practice is not None:
            self._az_folder = str(self.practice.az_folder)
            os.environ["PATH"] = os.pathsep.join([self._az_folder, os.environ.get("PATH", os.defpath)])

    def browser_address(self, address: str) -> str:
        """Return where a browser goes for a sign-in *address*: practice has a page of its own."""
        return address if self.practice is None else self.practice.browser_url(address)

    def approve_sign_in(self, code: str) -> None:
        """Let the practice administrator sign in with the device *code*; nothing outside practice."""
        if self.practice is not None:
            self.practice.approve_sign_in(code)

    def roots(self) -> RootStore:
        """Return Microsoft's roots and the extra ones of the profile and of this run.

        In practice the files of the latter are made when first asked for.
        """
        from codesign_wizard.core.authenticode.roots import RootStore

        if self.practice is not None:
            self.practice.write_roots()
        return RootStore.microsoft(
            extra_code_signing=[
                Path(name) for name in [*self.profile.extra_roots, *self.overrides.extra_roots]
            ],
            extra_timestamp=[
                Path(name)
                for name in [*self.profile.extra_timestamp_roots, *self.overrides.extra_timestamp_roots]
            ],
        )

    def apple_roots(self) -> AppleRoots:
        """Return Apple's root and authorities, the extra ones, and in practice the Apple-like ones."""
        from codesign_wizard.core.apple.trust import AppleRoots

        extra = [*self.profile.extra_roots, *self.overrides.extra_roots]
        if self.practice is not None:
            self.practice.write_roots()
            extra.append(str(self.practice.apple_roots_file))
        timestamp = [*self.profile.extra_timestamp_roots, *self.overrides.extra_timestamp_roots]
        return AppleRoots.with_files(map(Path, extra), map(Path, timestamp))

    def apple_keys_folder(self) -> Path:
        """Return where the keys wait that were made for Apple's certificates; it need not exist yet."""
        return self.profiles.folder.parent / "apple" / self.profile.id

    def apple_passwords(self) -> list[Secret]:
        """Return the known passwords of the .p12 files, the usual one first; may ask the keyring.

        In practice the files are made when first asked for.
        """
        if self.practice is not None:
            self.practice.apple_account.write()
        names = (APPLE_PASSWORD, APPLE_OTHER_PASSWORD)
        found = [self.secrets.get(self.profile.id, name) for name in names]
        return [each for each in found if each is not None]

    def keep_apple_passwords(self, first: Secret | None, second: Secret | None = None) -> None:
        """Keep the passwords of the .p12 files in place of the former ones; ``None`` forgets.

        What relied on the former ones is then out of date. Raises ``CodesignError``.
        """
        if second is None:
            self.secrets.forget(self.profile.id, APPLE_OTHER_PASSWORD)
        else:
            self.secrets.set(self.profile.id, APPLE_OTHER_PASSWORD, second)
        self.set_apple_password(first)

    def apple_keys_password(self, *, make: bool) -> Secret | None:
        """Return what the keys that wait for Apple's certificates are encrypted under; may ask the keyring.

        With *make* a new one is made and kept where there is none; ``None`` where none can be kept.
        """
        if self.practice is not None:
            # practice keys protect nothing, and practice has no keyring that outlives the run
            return Secret("practice-keys-password")
        kept = self.secrets.get(self.profile.id, APPLE_KEYS_PASSWORD)
        if kept is None and make and self.secrets.kept:
            from codesign_wizard.core.apple.requests import new_password

            kept = new_password()
            self.secrets.set(self.profile.id, APPLE_KEYS_PASSWORD, kept)
        return kept

    def apple_files_folder(self) -> Path:
        """Return where .p12 files made here go unless told otherwise; it need not exist yet."""
        if self.practice is not None:
            return self.practice.folder / "apple-made"
        return self.output_folder()

    def output_folder(self) -> Path:
        """Return where a trial writes unless told otherwise; it need not exist yet."""
        if self.practice is not None:
            return self.practice.new_output_folder()
        import platformdirs

        return platformdirs.user_documents_path() / "Codesign Wizard" / self.profile.id

    def save(self) -> Sequence[Finding]:
        """Write the profile; return what to tell when it was changed elsewhere too. Raises ``InputError``.

        A password in the proxy's address goes into the keyring first, which may take a moment; where the
        keyring fails, that is told, and the file has no password that it did not have before.
        """
        told: list[Finding] = []
        try:
            told += self.networking.keep_proxy_password()
        except CodesignError as error:
            told.append(error.finding)
        return [*told, *self.save_without_keyring()]

    def save_without_keyring(self) -> Sequence[Finding]:
        """Write the profile as ``save`` does, but leave the keyring alone: for the thread of a window."""
        return self.profiles.save(self.profile)


def _take_from_path(folder: str) -> None:
    kept = [each for each in os.environ.get("PATH", "").split(os.pathsep) if each != folder]
    if folder:
        os.environ["PATH"] = os.pathsep.join(kept)

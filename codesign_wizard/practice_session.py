"""A session on practice accounts: the cloud started, its profile filled in, its secrets at hand."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.profile import Profile, RequestSettings
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import (
    APPLE_API_KEY,
    APPLE_PASSWORD,
    APPLICATION_SECRET,
    SERVER_PASSWORD,
    MemoryStore,
    SecretStore,
)
from codesign_wizard.overrides import Overrides
from codesign_wizard.session import PRACTICE_PROFILE, Session

if TYPE_CHECKING:
    from codesign_wizard.practice.cloud import PracticeCloud
    from codesign_wizard.practice.key_making import Order


def open_practice(
    scenario: str | None, state: Path | None, overrides: Overrides, signing: Collection[str] = ()
) -> Session:
    """Start a practice cloud and return a session on it; what is given is as for ``opening.open_session``."""
    from codesign_wizard.practice import key_making

    # before all else, which takes as long as a key; a kept cloud has its keys
    kinds = [*key_making.FIRST, *(kind for system in signing for kind in key_making.TO_SIGN[system])]
    ordered = key_making.STOCK.order(kinds if state is None else ())
    try:
        return _open(scenario, state, overrides, ordered)
    except BaseException:
        key_making.STOCK.drop(ordered)
        raise


def _open(scenario: str | None, state: Path | None, overrides: Overrides, ordered: Order) -> Session:
    from codesign_wizard.practice.cloud import PracticeCloud

    cloud = PracticeCloud(scenario, state=state, ordered=ordered)
    cloud.start()
    try:
        store = ProfileStore((state or cloud.folder) / "profiles")
        profile = _profile(cloud, store)
        secrets = _secrets(cloud, profile, kept=state is not None)
    except BaseException:
        cloud.stop()
        raise
    session = Session(profile, store, overrides=overrides, secrets=secrets, practice=cloud, scenario=scenario)
    session.put_az_on_path()
    from codesign_wizard.core.job import Job
    from codesign_wizard.practice_package import package_to_try, take_to_trial

    try:
        take_to_trial(profile, str(package_to_try(Job(), session) or ""))
    except BaseException:
        session.close()
        raise
    return session


def _secrets(cloud: PracticeCloud, profile: Profile, *, kept: bool) -> SecretStore:
    from codesign_wizard.practice.keyring import PracticeKeyring

    given = {
        APPLICATION_SECRET: cloud.accounts.application_secret,
        APPLE_API_KEY: cloud.accounts.api_private_key,
        SERVER_PASSWORD: cloud.accounts.server_password,
    }
    account, apple = cloud.apple_account, profile.macos
    if any(name and account.is_copy(Path(name)) for name in (apple.application_file, apple.installer_file)):
        # of the account's files, wherever somebody put them, the keyring knows the password
        given[APPLE_PASSWORD] = account.password
    secrets = {(profile.id, name): Secret(value) for name, value in given.items()}
    if kept:
        return PracticeKeyring(cloud.world.state, secrets)
    store = MemoryStore()
    for (owner, name), secret in secrets.items():
        store.set(owner, name, secret)
    return store


def _profile(cloud: PracticeCloud, store: ProfileStore) -> Profile:
    try:
        profile = store.load(PRACTICE_PROFILE)
    except InputError:
        profile = Profile(id=PRACTICE_PROFILE, name=cloud.accounts.product_name)
        profile.product_name = cloud.accounts.product_name
        profile.windows.timestamp_servers = list(cloud.accounts.timestamp_servers)
        profile.windows.request = _request()
    # what a person typed is kept, what this start of the cloud decides is set anew
    azure, accounts = profile.windows.azure, cloud.accounts
    azure.vault_name = accounts.vault_name
    azure.certificate_name = accounts.certificate_name
    azure.application_id = accounts.application_id
    azure.tenant_id = accounts.tenant_id
    azure.cloud = accounts.cloud
    profile.server.address, profile.server.user = accounts.server_address, accounts.server_user
    profile.macos.api_key.key_id = accounts.api_key_id
    profile.macos.api_key.issuer_id = accounts.api_issuer_id
    apple, account = profile.macos, cloud.apple_account
    # files made here are the person's own choice, unless a scenario is about them
    if cloud.scenario is not None or not _made_here(apple.application_file, cloud):
        apple.application_file = str(account.application_file)
    if cloud.scenario is not None or not _made_here(apple.installer_file, cloud):
        apple.installer_file = str(account.installer_file)
    apple.team = account.team
    profile.network.proxy = cloud.proxy_url
    profile.network.ca_bundle = str(cloud.ca_file)
    roots, timestamp_roots = cloud.roots_places
    profile.extra_roots = [str(roots)]
    profile.extra_timestamp_roots = [str(timestamp_roots)]
    profile.places = {str(cloud.folder): "practice", cloud.proxy_url: "practice"}
    return profile


def _made_here(name: str, cloud: PracticeCloud) -> bool:
    """Tell whether a .p12 is there and the person's own: a killed run leaves the account's files behind."""
    return Path(name).is_file() and not cloud.gave_out(Path(name))


def _request() -> RequestSettings:
    """Return the form for a request filled in for the practice company."""
    from codesign_wizard.practice.world import COMPANY

    return RequestSettings(organization=COMPANY, locality="Christchurch", country="NZ")

"""The practice cloud as the commands, the wizard and tests use it: start, look at, stop."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from codesign_wizard.core.files import write_atomic
from codesign_wizard.practice import az, leftovers
from codesign_wizard.practice.accounts import PracticeAccounts
from codesign_wizard.practice.apple.account import AppleAccount
from codesign_wizard.practice.apple.authority import AppleAuthority
from codesign_wizard.practice.ca_desk import CaDesk
from codesign_wizard.practice.front import S3_PATHS, browser_path, front
from codesign_wizard.practice.key_making import STOCK, Order
from codesign_wizard.practice.keyvault.models import Vault
from codesign_wizard.practice.memento import Memento
from codesign_wizard.practice.services import all_services
from codesign_wizard.practice.state import State
from codesign_wizard.practice.wire.server import Server
from codesign_wizard.practice.wire.tls import TlsAuthority, authority_name
from codesign_wizard.practice.world import World, make_world, prepare

_APPLE = "apple"  # the folder of the account's .p12 files, in the cloud's


class PracticeCloud:
    """The vendors' services in this process, behind a forward proxy on loopback.

    *scenario* makes one thing wrong (``KeyError`` if there is none of this name). *state* is a folder that
    keeps keys, accounts and vaults between runs. A scenario that is ``kept`` is made there once and carries
    on where it was left, apart from the well world; what another breaks is not kept. *slow_factor* scales the
    seconds that slow servers hold their answers; *delay* are seconds that every answer takes, side by side,
    as a far network would. *notary_seconds* is how long the notary takes, if not its usual second.
    *on_answer* is told of each answer in a line (method, address, status), from any thread. *ordered* are
    keys that were ordered for it; none is made after its end. Raises ``StateError`` when *state* cannot be
    used.
    """

    def __init__(
        self,
        scenario: str | None = None,
        *,
        state: Path | None = None,
        slow_factor: float = 1.0,
        delay: float = 0.0,
        notary_seconds: float | None = None,
        on_answer: Callable[[str], None] | None = None,
        ordered: Order = (),
    ) -> None:
        if scenario is not None:
            from codesign_wizard.practice.scenarios import find_scenario

            find_scenario(scenario)
        self.scenario = scenario
        self._state_folder = state
        self._slow_factor = slow_factor
        self._delay = delay
        self._notary_seconds = notary_seconds
        self._on_answer = on_answer
        self._folder: Path | None = None
        self._lock: BinaryIO | None = None
        self._world: World | None = None
        self._server: Server | None = None
        self._port = 0
        self._account: AppleAccount | None = None
        self._problems: list[str] = []
        self._ordered = ordered
        self._former: list[Memento] = []  # of what the scenario changed
        self._fixed = False

    def __enter__(self) -> PracticeCloud:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Make the world and listen; when this returns, everything works. Safe to call twice."""
        if self._server is not None:
            return
        leftovers.clear()
        self._folder, self._lock = leftovers.make_folder()
        try:
            self._begin(self._folder)
        except BaseException:
            self.stop()
            raise

    def _begin(self, folder: Path) -> None:
        state = State(self._state_folder)
        scenario = None
        if self.scenario is not None:
            from codesign_wizard.practice.scenarios import apply_scenario, find_scenario

            scenario = find_scenario(self.scenario)
        begun = scenario is not None and scenario.kept and state.scenario_kept(scenario.name)
        if scenario is not None and begun:
            state.enter(scenario.name)
        world = self._world = make_world(state, self._slow_factor, folder / "s3")
        world.conditions.delay = self._delay
        if self._notary_seconds is not None:
            world.notary.processing = self._notary_seconds
        tls = TlsAuthority(
            state,
            folder,
            "tls-ca",
            authority_name("Practice Network TLS CA", "Practice Certification Authority"),
        )
        prepare(world, certified=not begun)
        _write_pem(self.ca_file, tls.certificate)
        world.save()
        self._fixed = scenario is not None and scenario.kept and self._state_folder is not None
        if scenario is not None and not begun:
            # what a scenario breaks must not be found broken by the next run without it
            if self._fixed:
                state.enter(scenario.name)
                apply_scenario(scenario.name, world)
                world.save()
            else:
                self._break(scenario.name)
        gateway = TlsAuthority(
            State(),
            folder,
            "gateway-ca",
            authority_name("Web Gateway Inspection CA (practice)", "Practice IT Department"),
        )

        def context(host: str) -> ssl.SSLContext:
            seen = gateway if world.conditions.inspected else tls
            return seen.context(host, server.resolves)

        server = self._server = Server(all_services(world), world.conditions, world.clock, context)
        server.on_answer = self._on_answer
        server.front = front(world)
        self._problems = server.problems
        server.streamed_front = S3_PATHS
        self._port = server.start()
        write_atomic(self.api_key_file, world.accounts.api_private_key.encode(), private=True)
        world.notary.resume()
        az.install(self.az_folder, self.proxy_url)

    def stop(self) -> None:
        """End every connection and thread and remove the temporary files; safe to call twice."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
        folder, self._folder = self._folder, None
        self._account = None
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()  # first: Windows removes no open file
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        STOCK.drop(self._ordered)

    @property
    def can_play(self) -> bool:
        """Whether ``play`` works: not when a scenario is kept in the folder of the state."""
        return self._server is not None and not self._fixed

    def play(self, scenario: str | None) -> None:
        """Make *scenario* wrong from now on, in place of the one before; ``None``: all is well again.

        What a person did in between stays, but in what the scenario had changed: that is put back as it
        was. Raises ``KeyError`` for a name that is none, ``RuntimeError`` unless ``can_play``.
        """
        if scenario is not None:
            from codesign_wizard.practice.scenarios import find_scenario

            find_scenario(scenario)
        if not self.can_play or self._server is None:
            raise RuntimeError("this practice cloud keeps its scenario")
        world = self.world
        with world.lock:
            while self._former:
                self._former.pop().restore()
            world.save()
            world.state.thaw()
            self.scenario = scenario
            if scenario is not None:
                self._break(scenario)
        self._server.hang_up()

    def _break(self, scenario: str) -> None:
        """Make *scenario* wrong, noting what was before."""
        from codesign_wizard.practice.scenarios import apply_scenario

        world = self.world
        # frozen: a world that is broken in between must not be found broken by the next run
        world.state.frozen = True
        # a vault's content fits together: it is put back whole, or not at all
        whole = [Memento(_content(vault)) for vault in world.vaults.every()]
        rest = Memento([world])
        apply_scenario(scenario, world)
        self._former = [rest.changes(), *(each for each in whole if each.differs)]

    @property
    def world(self) -> World:
        """The world behind the services; only after ``start``."""
        if self._world is None:
            raise RuntimeError("the practice cloud has not been started")
        return self._world

    @property
    def proxy_url(self) -> str:
        """The forward proxy, for http and https."""
        if not self._port:
            raise RuntimeError("the practice cloud has not been started")
        return f"http://127.0.0.1:{self._port}"

    @property
    def folder(self) -> Path:
        """A private temporary folder, removed when the cloud stops."""
        if self._folder is None:
            raise RuntimeError("the practice cloud is not running")
        return self._folder

    def new_output_folder(self) -> Path:
        """Return a new temporary folder for the files of a trial; it is kept a day."""
        return leftovers.make_output(self.folder)

    @property
    def az_folder(self) -> Path:
        """The folder of a program ``az`` with the practice administrator signed in; to be put on the PATH."""
        return self.folder / "az"

    def browser_url(self, url: str) -> str:
        """Return where a real browser finds the practice page for a vendor's sign-in address.

        Plain http on 127.0.0.1; an address that practice has nothing at leads to a page that says so.
        """
        return f"{self.proxy_url}{browser_path(url)}"

    def approve_sign_in(self, user_code: str) -> None:
        """Do what the practice administrator does with a device code; ``KeyError`` if none waits for it."""
        self.world.sign_ins.approve(user_code)

    def server_code(self) -> str:
        """Return the one-time code that the server's administrator sees now; "" where there is none."""
        account = self.world.comet.administrators[0]
        return self.world.comet.code_now(account.name) if account.totp else ""

    @property
    def ca_file(self) -> Path:
        """The CA that vouches for the practice network's TLS, PEM."""
        return self.folder / "practice-tls-ca.pem"

    @property
    def roots_file(self) -> Path:
        """The root of the practice code-signing CA, PEM; written when first asked for."""
        self.write_roots()
        return self.roots_places[0]

    @property
    def timestamp_roots_file(self) -> Path:
        """The root of the practice time-stamp servers, PEM; written when first asked for."""
        self.write_roots()
        return self.roots_places[1]

    @property
    def roots_places(self) -> tuple[Path, Path]:
        """Where the roots for code signing and for time stamps lie after ``write_roots``."""
        return self.folder / "practice-roots.pem", self.folder / "practice-timestamp-roots.pem"

    def write_roots(self) -> None:
        """Write both roots where they are not there yet: their keys take a moment, and few runs need them."""
        code_signing, timestamps = self.roots_places
        if not code_signing.exists():
            _write_pem(code_signing, self.world.code_signing.root)
        if not timestamps.exists():
            _write_pem(timestamps, self.world.timestamps.root)

    @property
    def apple(self) -> AppleAuthority:
        """What plays Apple's certification authorities; its keys are made when first asked for."""
        return AppleAuthority(self.world.state)

    @property
    def apple_account(self) -> AppleAccount:
        """The practice team's identities as a person has them: two .p12 files and their password."""
        if self._account is None:
            self._account = AppleAccount(self.apple, self.folder / _APPLE, self.world.state)
        return self._account

    def gave_out(self, file: Path) -> bool:
        """Tell whether *file* is the account's own in the folder of a cloud, this one or one that is over."""
        return file.parent.name == _APPLE and file.parent.parent.name.startswith(leftovers.CLOUD)

    @property
    def apple_roots_file(self) -> Path:
        """The Apple-like root and its Developer ID authorities, PEM; written when first asked for."""
        path = self.folder / "practice-apple-roots.pem"
        if not path.exists():
            write_atomic(path, self.apple.pem())
        return path

    @property
    def api_key_file(self) -> Path:
        """The App Store Connect API key, as a person downloads it: ``AuthKey_KEYID.p8``."""
        return self.folder / self.accounts.api_key_name

    @property
    def accounts(self) -> PracticeAccounts:
        """The values a person would type, as they typed them in this scenario."""
        return self.world.accounts

    @property
    def problems(self) -> list[str]:
        """Tracebacks of failed services, also after ``stop``: empty, or there is a fault to mend."""
        return [*self._problems, *(self._world.notary.problems if self._world is not None else [])]

    @property
    def ca_desk(self) -> CaDesk:
        """Where signing requests are handed in, at the practice CA and at what plays Apple."""
        return CaDesk(self.world, self.apple, self.folder / "downloads")


def _content(vault: Vault) -> list[object]:
    return [vault.certificates, vault.keys, vault.pending, vault.deleted, vault.deleted_keys]


def _write_pem(file: Path, certificate: x509.Certificate) -> None:
    # in one step: another thread may look for it
    write_atomic(file, certificate.public_bytes(serialization.Encoding.PEM))

"""What a command has at hand: its options, the job, and the session they open."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from codesign_wizard.commands.events import PRACTICE
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Evidence, FindingKind, Remedy, Severity
from codesign_wizard.core.job import Job, LogLevel
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.commands.arguments import Parsed
    from codesign_wizard.commands.output import Printer
    from codesign_wizard.session import Session

INTERRUPTED = 130
_MAXIMUM_SECRET = 4096

CANCELLED = FindingKind(
    "internal.interrupted",
    Severity.WARNING,
    "Interrupted; everything is as it was.",
    "The person ended the command.",
)
NO_ANSWER = FindingKind(
    "usage.confirmation-needed",
    Severity.ERROR,
    "A yes is needed: {what}.",
    "Something would be changed, and there is nobody to ask: --yes answers.",
)
NO_SECRET = FindingKind(
    "usage.no-secret-on-stdin",
    Severity.ERROR,
    "There was no secret on standard input.",
    "--secret-stdin or --password-stdin was given, and nothing, or far too much, came.",
)
NO_PRACTICE = FindingKind(
    "practice.not-started",
    Severity.ERROR,
    "The practice cloud could not be started: {why}.",
    "The folder given with --state cannot be used, or no port of this computer could be opened.",
)


class Context:
    """One run of a command.

    The first Ctrl-C (or SIGTERM) cancels the job, which then leaves things as they were; the second one
    interrupts it wherever it is, which still removes drafts; the third ends the process.
    """

    def __init__(self, parsed: Parsed, printer: Printer) -> None:
        self.options: Any = parsed.options
        self.printer = printer
        self._practice = parsed.practice
        events = printer.events
        self.job = Job(on_progress=events.progress, on_log=events.log, on_stage=events.stage)
        self._session: Session | None = None
        self._former: dict[signal.Signals, Any] = {}
        self._interrupts = 0
        self._reading = False
        self._roots_written: set[str] = set()
        self.signing: Sequence[str] = ()  # the systems that will be signed for, as for ``open_session``

    def __enter__(self) -> Context:
        # off the main thread nobody presses Ctrl-C, and Python takes no handlers
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._former[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._close()
        finally:
            for number, handler in self._former.items():
                signal.signal(number, handler)

    def _close(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        session.close()
        for problem in session.practice.problems if session.practice is not None else ():
            self.job.log(LogLevel.ERROR, problem, part=PRACTICE)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._interrupts += 1
        if self._interrupts > 2:
            os._exit(INTERRUPTED)
        # what waits for a person's answer does not look at the job
        if self._interrupts == 2 or self._reading:
            raise KeyboardInterrupt
        self.job.cancel()

    @property
    def practising(self) -> bool:
        """Whether this run works on practice accounts."""
        return self._practice is not None

    @property
    def session(self) -> Session:
        """The session on the chosen profile or on practice accounts, opened on first use."""
        if self._session is None:
            from codesign_wizard.opening import open_session

            try:
                self._session = open_session(
                    profile=self.options.profile,
                    practice=self.practising,
                    scenario=self._practice or None,
                    state=Path(self.options.state) if self.options.state else None,
                    overrides=self.overrides(),
                    signing=self.signing,
                )
            # only practice opens ports and folders here; what is wrong with a profile is an InputError
            except OSError as error:
                raise not_started(error) from error
        return self._session

    @property
    def keyring_trouble(self) -> str:
        """Why the system's keyring could not be asked for a secret; "" where it could, or was not."""
        store = self._session.opened_secrets if self._session is not None else None
        return store.reason if store is not None else ""

    def overrides(self) -> Any:
        """Return what the options put over environment and profile."""
        from codesign_wizard.overrides import Overrides, check_level, check_proxy, parse_timeout

        options = self.options
        level = getattr(options, "level", None)
        return Overrides(
            vault_name=options.vault,
            certificate_name=options.certificate,
            application_id=options.application,
            tenant_id=options.tenant,
            application_secret=Secret(self.read_secret().reveal().strip()) if options.secret_stdin else None,
            application_file=getattr(options, "application_file", None),
            installer_file=getattr(options, "installer_file", None),
            macos_level=None if level is None else check_level(level, "--level"),
            proxy=None if options.proxy is None else check_proxy(options.proxy, "--proxy"),
            ca_bundle=options.ca_bundle,
            timeout=None if options.timeout is None else parse_timeout(options.timeout, "--timeout"),
            server_address=getattr(options, "server", None),
            server_user=getattr(options, "user", None),
            extra_roots=list(getattr(options, "extra_root", None) or []),
            extra_timestamp_roots=list(getattr(options, "extra_timestamp_root", None) or []),
        )

    def application_secret(self) -> Secret | None:
        """Return the application's secret, which may make the keyring ask the person to unlock it."""
        session = self.session
        self._reading = True
        try:
            return session.application_secret()
        finally:
            self._reading = False

    def reaches_out(self) -> None:
        """Say that vendors' clients will be at work: what they log belongs to our log."""
        self.printer.events.listen_to_libraries()

    def read_secret(self) -> Secret:
        """Return a secret from standard input, up to the first line's end; raises ``InputError``.

        On a terminal it is asked for, and not shown.
        """
        if sys.stdin is None:
            raise InputError(NO_SECRET())
        self._reading = True
        try:
            if sys.stdin.isatty():
                text = self.ask_secret(tr("Secret: "))
            else:
                text = sys.stdin.readline(_MAXIMUM_SECRET + 1).strip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(NO_SECRET(detail=tr("What came is no text."))) from error
        finally:
            self._reading = False
        if not text.strip() or len(text) > _MAXIMUM_SECRET:
            raise InputError(NO_SECRET())
        return Secret(text)

    def ask_secret(self, question: str) -> str:
        """Ask for a secret on the terminal, without showing it; "" when there is none."""
        from getpass import getpass

        self.printer.events.pause()
        self._reading = True
        try:
            return getpass(question)
        except EOFError:
            return ""
        finally:
            self._reading = False

    @contextmanager
    def waiting_for_person(self) -> Iterator[None]:
        """Let Ctrl-C end what waits for a person's input: it does not look at the job."""
        self.printer.events.pause()
        self._reading = True
        try:
            yield
        finally:
            self._reading = False

    @property
    def can_ask(self) -> bool:
        """Whether there is a person to be asked."""
        return sys.stdin is not None and sys.stdin.isatty() and not self.printer.as_json

    def confirm(self, what: str) -> None:
        """Ask for a yes to *what*; raises ``InputError`` where nobody can be asked or the answer is no."""
        if self.options.yes:
            return
        detail = tr("Add --yes to go on without being asked.")
        if self.can_ask and sys.stderr is not None:
            detail = tr("The answer was not yes, so nothing was changed.")
            self.printer.events.pause()
            sys.stderr.write(tr("{what} Go on? [y/N] ").format(what=what))
            sys.stderr.flush()
            self._reading = True
            answer = ""
            try:
                answer = sys.stdin.readline()
            finally:
                self._reading = False
                if not answer.endswith("\n"):  # the input ended, or Ctrl-C came: what follows is another line
                    sys.stderr.write("\n")
            if answer.strip().lower() in ("y", "yes", tr("yes")):
                return
        raise InputError(NO_ANSWER(what=what.rstrip("."), detail=detail))

    def write_practice_roots(self, folder: Path, *, windows: bool = True, macos: bool = False) -> list[Path]:
        """In practice, put the roots that other programs need into *folder*; return the files.

        They are those of the systems that were signed for; both systems' stand in one file, one after the
        other. Raises ``InputError`` when they cannot be written.
        """
        if not self.practising or self.session.practice is None:
            return []
        from codesign_wizard.core.files import write_atomic

        practice = self.session.practice
        self._roots_written |= {name for name, wanted in (("w", windows), ("m", macos)) if wanted}
        apple = [practice.apple_roots_file] if "m" in self._roots_written else []
        first, second = ([practice.roots_file], [practice.timestamp_roots_file])
        if "w" not in self._roots_written:
            first, second = [], []
        files = []
        for sources, name in (
            ([*first, *apple], "practice-roots.pem"),
            ([*second, *apple], "practice-timestamp-roots.pem"),
        ):
            try:
                write_atomic(folder / name, b"".join(each.read_bytes() for each in sources))
            except OSError as error:
                from codesign_wizard.core.authenticode.refusals import UNWRITABLE

                raise InputError(UNWRITABLE(file=name, why=error.strerror or str(error))) from error
            files.append(folder / name)
        return files


def not_started(error: OSError) -> InputError:
    """Return the error for a practice cloud that could not be started."""
    return InputError(
        NO_PRACTICE(
            why=error.strerror or str(error),
            evidence=Evidence(code=type(error).__name__),
            remedies=[Remedy(title=tr("Use another folder with --state, or leave it out."))],
        )
    )


def environment_secret(name: str) -> Secret | None:
    """Return the secret in an environment variable, or ``None``."""
    # a file with the line ends of Windows leaves half of one on each line
    value = os.environ.get(name, "").rstrip("\r\n")
    return Secret(value) if value else None

"""What a command has at hand: its options, the job, and the session they open."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.commands.arguments import Parsed
    from codesign_wizard.commands.output import Printer
    from codesign_wizard.session import Session

_MAXIMUM_SECRET = 4096

NO_ANSWER = FindingKind(
    "usage.confirmation-needed",
    Severity.ERROR,
    "{what} needs a yes.",
    "Something would be changed, and there is nobody to ask: --yes answers.",
)
NO_SECRET = FindingKind(
    "usage.no-secret-on-stdin",
    Severity.ERROR,
    "There was no secret on standard input.",
    "--secret-stdin or --password-stdin was given, and nothing, or far too much, came.",
)


class Context:
    """One run of a command. Ctrl-C cancels the job; a second one ends the program at once."""

    def __init__(self, parsed: Parsed, printer: Printer) -> None:
        self.options: Any = parsed.options
        self.printer = printer
        self._practice = parsed.practice
        self.job = Job(on_progress=printer.progress, on_log=printer.log, on_stage=printer.stage)
        self._session: Session | None = None
        self._former: Any = None

    def __enter__(self) -> Context:
        try:
            self._former = signal.signal(signal.SIGINT, self._interrupt)
        except ValueError:
            self._former = None  # not on the main thread: then nobody presses Ctrl-C here
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            self._session.close()
        if self._former is not None:
            signal.signal(signal.SIGINT, self._former)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.job.cancel_event.is_set():
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
            from codesign_wizard.session import open_session

            self._session = open_session(
                profile=self.options.profile,
                practice=self.practising,
                scenario=self._practice or None,
                state=Path(self.options.state) if self.options.state else None,
                overrides=self.overrides(),
            )
        return self._session

    def overrides(self) -> Any:
        """Return what the options put over environment and profile."""
        from codesign_wizard.session import Overrides, parse_timeout

        options = self.options
        return Overrides(
            vault_name=options.vault,
            certificate_name=options.certificate,
            application_id=options.application,
            tenant_id=options.tenant,
            application_secret=self.read_secret() if options.secret_stdin else None,
            proxy=options.proxy,
            ca_bundle=options.ca_bundle,
            timeout=None if options.timeout is None else parse_timeout(options.timeout, "--timeout"),
            extra_roots=list(getattr(options, "extra_root", None) or []),
            extra_timestamp_roots=list(getattr(options, "extra_timestamp_root", None) or []),
        )

    def read_secret(self) -> Secret:
        """Return a secret from standard input, up to the first line's end; raises ``InputError``."""
        text = sys.stdin.readline(_MAXIMUM_SECRET + 1).strip("\r\n")
        if not text or len(text) > _MAXIMUM_SECRET:
            raise InputError(NO_SECRET())
        return Secret(text)

    def confirm(self, what: str) -> None:
        """Ask for a yes to *what*; raises ``InputError`` where nobody can be asked or the answer is no."""
        if self.options.yes:
            return
        if sys.stdin is not None and sys.stdin.isatty() and not self.options.json:
            sys.stderr.write(tr("{what} Go on? [y/N] ").format(what=what))
            sys.stderr.flush()
            if sys.stdin.readline().strip().lower() in ("y", "yes", tr("yes")):
                return
        raise InputError(
            NO_ANSWER(what=what.rstrip("."), detail=tr("Add --yes to go on without being asked."))
        )

    def write_practice_roots(self, folder: Path) -> list[Path]:
        """In practice, put the roots that other programs need into *folder*; return the files."""
        if not self.practising or self.session.practice is None:
            return []
        from codesign_wizard.core.files import write_atomic

        practice = self.session.practice
        files = []
        for source, name in (
            (practice.roots_file, "practice-roots.pem"),
            (practice.timestamp_roots_file, "practice-timestamp-roots.pem"),
        ):
            write_atomic(folder / name, source.read_bytes())
            files.append(folder / name)
        return files


def environment_secret(name: str) -> Secret | None:
    """Return the secret in an environment variable, or ``None``."""
    value = os.environ.get(name, "")
    return Secret(value) if value else None

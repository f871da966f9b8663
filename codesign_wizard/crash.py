"""What Python says of an exception that nobody catches: written as it would be, but without a secret.

Python writes the traceback, and an exception's message may quote what it failed at. Of its three ways out
(the main thread, other threads, what cannot be raised, as in a destructor) none passes through ``redact``.
``faulthandler`` writes names and lines only.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from types import TracebackType


def hide_secrets() -> None:
    """Let the three ways out hide secrets; who has put a hook of their own there keeps it."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _uncaught
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _in_thread
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _unraisable


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _write("", error)


def _in_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is not None and given.exc_type is not SystemExit:
        name = given.thread.name if given.thread is not None else "?"
        _write(f"Exception in thread {name}:\n", given.exc_value)


def _unraisable(given: sys.UnraisableHookArgs) -> None:
    if given.exc_value is not None:
        _write(f"{given.err_msg or 'Exception ignored in'}: {_named(given.object)}\n", given.exc_value)


def _named(what: object) -> str:
    try:
        return repr(what)
    except BaseException:  # whatever it raises, Python would write it as it is, in place of the first error
        return f"<{type(what).__name__}>"


def _write(before: str, error: BaseException) -> None:
    if sys.stderr is None:  # a program without a console has none
        return
    try:
        import traceback

        from codesign_wizard.core.redact import redact

        text = redact(before + "".join(traceback.format_exception(error)))
    except BaseException:  # as above, and late in the interpreter's end nothing can be imported
        text = f"{type(error).__name__}\n"
    with contextlib.suppress(OSError, ValueError):  # a broken pipe or a closed stream: nobody to tell
        sys.stderr.write(text)
        sys.stderr.flush()

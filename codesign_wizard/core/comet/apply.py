"""Giving the server what the profile holds: only our keys, in one step, read back, and undone on request.

The rest of the branding goes back byte for byte as it came. Whatever ends a run in the middle leaves a whole
server: files that nothing refers to are dropped by it, and the settings are saved by one call.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from codesign_wizard.core.comet import settings
from codesign_wizard.core.comet.answers import CometRefusalError
from codesign_wizard.core.comet.client import CometClient
from codesign_wizard.core.comet.document import Members, same
from codesign_wizard.core.comet.journal import Journal, Old, Phase, Record
from codesign_wizard.core.comet.look import Line, State, View, fingerprint, value_at
from codesign_wizard.core.comet.settings import Desired, File, Kind, Setting
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Certainty, Evidence, Finding, FindingKind, Remedy, Severity, utc_now
from codesign_wizard.core.job import JobContext, LogLevel, StageState
from codesign_wizard.core.network import NetworkError
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

STAGES = ("compare", "upload", "save", "read-back")

CHANGED = FindingKind(
    "server.apply.changed-meanwhile",
    Severity.ERROR,
    "Somebody else changed the server's settings meanwhile; nothing was changed from here.",
    "The branding is not what it was when the differences were shown.",
)
APPLIED = FindingKind(
    "server.apply.done",
    Severity.OK,
    "The server has the new settings ({count}), and they were read back.",
    "The changed keys were compared with what the server shows after saving; the old values were kept.",
)
NOT_TAKEN = FindingKind(
    "server.apply.not-taken",
    Severity.ERROR,
    "The server did not take over: {keys}.",
    "After saving, the server shows other values for our keys than it was given.",
)
OTHERS_CHANGED = FindingKind(
    "server.apply.others-changed",
    Severity.WARNING,
    "Settings that were not touched look different after saving: {keys}.",
    "The server changed other keys by itself, or somebody else saved at the same moment.",
)
NOT_KEPT = FindingKind(
    "server.apply.files-not-kept",
    Severity.WARNING,
    "The certificate files that the server had before could not be kept: Undo would not bring them back.",
    "The server does not give the old files back, or they are larger than the keyring takes.",
)
UNDONE = FindingKind(
    "server.undo.done",
    Severity.OK,
    "The server has its old settings back ({count}).",
    "The values from before the last change were given back and read again.",
)
NOTHING_TO_UNDO = FindingKind(
    "server.undo.nothing",
    Severity.ERROR,
    "There is no change of this server that could be undone.",
    "Nothing was applied from here, it was undone already, or it was another server.",
)
OLD_MISSING = FindingKind(
    "server.undo.secrets-gone",
    Severity.ERROR,
    "The old values of {keys} are not here any more, so the change cannot be undone.",
    "Old secrets are in the keyring, or in memory for one run where there is none.",
)


@dataclass(frozen=True)
class Applied:
    """What came of it: findings, and the keys that were changed."""

    findings: list[Finding]
    keys: list[str] = field(default_factory=list)


class _Steady:
    """A job that is not cancelled: between saving and reading back there is no good place to stop."""

    def __init__(self, job: JobContext) -> None:
        self._job = job
        self.log = job.log
        self.stage = job.stage

    def progress(self, done: int, total: int | None, text: str = "") -> None:
        """Say nothing: telling progress would look for cancellation."""

    def check_cancelled(self) -> None:
        """Go on."""

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)


def apply(
    job: JobContext,
    client: CometClient,
    view: View,
    wishes: Sequence[Desired],
    lines: Sequence[Line],
    journal: Journal,
) -> Applied:
    """Change what *lines* (made of *view* and *wishes*) show as different.

    Raises ``CodesignError``: ``server.apply.changed-meanwhile`` when the settings are not those of *view* any
    more, a refusal of the server, a keyring or folder that cannot be written; ``Cancelled`` as long as
    nothing was saved.
    """
    wanted = [wish for wish, line in zip(wishes, lines, strict=True) if line.state is not State.SAME]
    if not wanted:
        return Applied([])
    job.stage("compare", StageState.RUNNING)
    fresh = client.branding(job)
    if view.branding is None or fingerprint(fresh) != fingerprint(view.branding):
        job.stage("compare", StageState.FAILED)
        raise CodesignError(_changed())
    members = Members(fresh)
    record, former = Record(client.address.url, client.user, Phase.STARTED), journal.read()
    held = journal.old() if former is not None else None
    try:
        found = _keep_old(job, client, members, wanted, record, journal)
    except CodesignError:
        # nothing is changed: what was before is what there is still to tell, and to undo as long as the
        # keyring has its values, and not those of now
        record.phase = Phase.NONE
        journal.write(former if former is not None and journal.holds(held) else record)
        raise
    job.stage("compare", StageState.DONE)

    job.stage("upload", StageState.RUNNING)
    texts: dict[tuple[str, ...], str] = {}
    for wish in wanted:
        job.check_cancelled()
        texts |= _value_texts(job, client, wish, record)
    record.phase = Phase.UPLOADED
    for path, text in texts.items():
        key = ".".join(path)
        record.after[key] = None if key in record.secret else text
    journal.write(record)
    uploads = len(record.uploaded)
    job.stage("upload", StageState.DONE if uploads else StageState.SKIPPED)

    return _save(job, client, members, texts, record, journal, found, Phase.APPLIED)


def can_undo(journal: Journal, client: CometClient) -> bool:
    """Tell whether a change of this server was applied from here and not undone."""
    record = journal.read()
    return record is not None and record.phase is Phase.APPLIED and record.server == client.address.url


def undo(job: JobContext, client: CometClient, journal: Journal) -> Applied:
    """Give the server the values from before the last change; raises ``CodesignError`` and ``Cancelled``."""
    record = journal.read()
    if record is None or record.phase is not Phase.APPLIED or record.server != client.address.url:
        raise CodesignError(
            NOTHING_TO_UNDO(
                evidence=Evidence(time=utc_now()),
                remedies=[Remedy(title=tr("server show tells what the server has now."))],
            )
        )
    job.stage("compare", StageState.RUNNING)
    fresh = client.branding(job)
    members = Members(fresh)
    if not holds(members, record.after):
        job.stage("compare", StageState.FAILED)
        raise CodesignError(_changed())
    old = journal.old() or Old()
    missing = [key for key in record.secret if record.before.get(key) is None and key not in old.values]
    if missing:
        raise CodesignError(
            OLD_MISSING(
                keys=", ".join(missing),
                evidence=Evidence(time=utc_now()),
                remedies=[Remedy(title=tr("Type the old value into the server's own form."))],
            )
        )
    job.stage("compare", StageState.DONE)
    job.stage("upload", StageState.RUNNING)
    texts: dict[tuple[str, ...], str] = {}
    for key in record.before:
        text = old.values.get(key, record.before[key])
        texts[tuple(key.split("."))] = given = _restored(job, client, text, record.after.get(key), old)
        if key not in record.secret:
            # a file that was uploaded again may have another address
            record.before[key] = given
    job.stage("upload", StageState.DONE)
    return _save(job, client, members, texts, record, journal, [], Phase.UNDONE)


def _save(
    job: JobContext,
    client: CometClient,
    members: Members,
    texts: Mapping[tuple[str, ...], str],
    record: Record,
    journal: Journal,
    found: list[Finding],
    end: Phase,
) -> Applied:
    steady = _Steady(job)
    job.check_cancelled()
    job.stage("save", StageState.RUNNING)
    record.phase = Phase.SENT if end is Phase.APPLIED else Phase.UNDOING
    if end is Phase.UNDONE:
        record.time = utc_now()  # of what an interruption would be of
    journal.write(record)
    try:
        client.set_branding(steady, _merged(members, texts))
    except CometRefusalError:
        job.stage("save", StageState.FAILED)
        # it said no, so nothing was saved
        record.phase = Phase.NONE if end is Phase.APPLIED else Phase.APPLIED
        journal.write(record)
        raise
    except NetworkError as error:
        # no answer is no answer: what the server has decides
        now = _after_silence(client, steady, texts, record, error)
    else:
        job.stage("save", StageState.DONE)
        now = Members(client.branding(steady))
    job.stage("read-back", StageState.RUNNING)
    keys = [".".join(path) for path in texts]
    found += _read_back(members, now, texts, keys, record.secret, end)
    record.phase = end
    journal.write(record)
    if end is Phase.UNDONE:
        journal.forget_old()
    failed = any(each.severity is Severity.ERROR for each in found)
    job.stage("read-back", StageState.FAILED if failed else StageState.DONE)
    job.log(LogLevel.INFO, tr("Changed: {keys}").format(keys=", ".join(keys)), part="server")
    return Applied(found, keys)


def _after_silence(
    client: CometClient,
    job: JobContext,
    texts: Mapping[tuple[str, ...], str],
    record: Record,
    error: NetworkError,
) -> Members:
    """Return what the server has if it saved without saying so; raises *error* otherwise.

    What cannot be known now is explained at the next start: the journal says that the settings were sent.
    """
    job.stage("save", StageState.ATTENTION)
    try:
        now = Members(client.branding(job))
    except CodesignError:
        raise error from None
    if all(_taken(now, path, text, record.secret) for path, text in texts.items()):
        return now
    raise error


def _keep_old(
    job: JobContext,
    client: CometClient,
    members: Members,
    wanted: Sequence[Desired],
    record: Record,
    journal: Journal,
) -> list[Finding]:
    """Write the old values into *record* and the journal, those that nobody may read into the keyring."""
    values: dict[str, str] = {}
    files: dict[str, tuple[str, bytes]] = {}
    lost = False
    for wish in wanted:
        setting = wish.setting
        text = raw(members, setting.path)
        if setting.kind is Kind.SECRET:
            record.secret.append(setting.key)
            # an empty secret is none, and needs no keyring
            empty = text in (None, '""')
            record.before[setting.key] = '""' if empty else None
            if text is not None and not empty:
                values[setting.key] = text
            record.before[".".join(setting.format_path)] = raw(members, setting.format_path) or "0"
            continue
        record.before[setting.key] = text
        uri = str(value_at(members, setting.path) or "") if setting.kind is Kind.FILE else ""
        if uri.startswith(settings.RESOURCE):
            try:
                files[uri] = (setting.path[-1], client.resource(job, uri))
            except CometRefusalError:
                lost = True
    # first: what undoes the change before is about to go, and a run that ends here must not offer that
    journal.write(record)
    kept = journal.keep_old(Old(values, files)) and not lost
    return [] if kept or not (files or lost) else [NOT_KEPT(evidence=Evidence(time=utc_now()))]


def _value_texts(
    job: JobContext, client: CometClient, wish: Desired, record: Record
) -> dict[tuple[str, ...], str]:
    """Return the JSON text for each key that *wish* sets, its file uploaded."""
    setting, value = wish.setting, wish.value
    if isinstance(value, Secret):
        plain = json.dumps(settings.PLAIN)
        return {setting.path: json.dumps(value.reveal()), setting.format_path: plain}
    if isinstance(value, File):
        job.progress(len(record.uploaded), None, value.name)
        uri = client.upload(job, value.name, value.data)
        record.uploaded.append(uri)
        return {setting.path: json.dumps(uri)}
    return {setting.path: json.dumps(value)}


def _restored(job: JobContext, client: CometClient, text: str | None, after: str | None, old: Old) -> str:
    """Return the JSON text that brings an old value back, its file uploaded again if it is gone."""
    if text is None:
        # the server did not have the key: the nearest to that is its empty value
        present = json.loads(after) if after is not None else ""
        return json.dumps(type(present)())
    try:
        uri = json.loads(text)
    except ValueError:
        return text
    if not isinstance(uri, str) or not uri.startswith(settings.RESOURCE) or uri not in old.files:
        return text
    name, data = old.files[uri]
    return json.dumps(client.upload(job, name, data))


def _merged(members: Members, texts: Mapping[tuple[str, ...], str]) -> str:
    top: dict[str, str] = {}
    inner: dict[str, dict[str, str]] = {}
    for path, text in texts.items():
        if len(path) == 1:
            top[path[0]] = text
        else:
            inner.setdefault(path[0], {})[path[1]] = text
    for name, values in inner.items():
        top[name] = members.object(name).replaced(values)
    return members.replaced(top)


def _read_back(
    before: Members,
    after: Members,
    texts: Mapping[tuple[str, ...], str],
    keys: Sequence[str],
    secret: Sequence[str],
    end: Phase,
) -> list[Finding]:
    wrong = [".".join(path) for path, text in texts.items() if not _taken(after, path, text, secret)]
    found: list[Finding] = []
    if wrong:
        found.append(
            NOT_TAKEN(
                keys=", ".join(wrong),
                evidence=Evidence(time=utc_now(), more={key: _shown(after, key, secret) for key in wrong}),
                remedies=[Remedy(title=tr("Look at these settings in the server's own form."))],
            )
        )
    others = _others(before, after, set(texts))
    if others:
        found.append(
            OTHERS_CHANGED(
                keys=", ".join(others[:10]),
                evidence=Evidence(time=utc_now(), more={"keys": str(len(others))}),
                remedies=[
                    Remedy(title=tr("Compare them with what they should be, in the server's own form."))
                ],
            )
        )
    if not wrong:
        kind = UNDONE if end is Phase.UNDONE else APPLIED
        shown = [key for key in keys if not key.endswith("Format")]
        found.append(
            kind(count=len(shown), evidence=Evidence(time=utc_now(), more={"keys": ", ".join(shown)}))
        )
    return found


def _taken(after: Members, path: tuple[str, ...], text: str, secret: Sequence[str]) -> bool:
    key = ".".join(path)
    held = raw(after, path)
    if held is not None and same(held, text):
        return True
    if key in secret:
        # another format means that the server keeps it its own way; an empty one it has nothing to keep of
        form = value_at(after, (*path[:-1], f"{path[-1]}Format"))
        return form not in (None, settings.PLAIN) and value_at(after, path) not in (None, "")
    return key.endswith("Format") and key.removesuffix("Format") in secret


def _others(before: Members, after: Members, ours: set[tuple[str, ...]]) -> list[str]:
    found: list[str] = []
    inner = {path[0] for path in ours if len(path) > 1}
    for name in dict.fromkeys([*before, *after]):
        if (name,) in ours:
            continue
        if name in inner:
            nested = {path[1:] for path in ours if path[0] == name and len(path) > 1}
            found += [f"{name}.{each}" for each in _others(before.object(name), after.object(name), nested)]
            continue
        pair = [members.raw(name) if name in members else None for members in (before, after)]
        if (
            pair[0] is None
            or pair[1] is None
            or (not same(pair[0], pair[1]) and not _resealed(before, after, name))
        ):
            found.append(name)
    return found


def _resealed(before: Members, after: Members, name: str) -> bool:
    """Tell whether *name* is a secret, or a secret's format, that the server wrapped anew."""
    base = name.removesuffix("Format")
    formats = [members.get(f"{base}Format") for members in (before, after)]
    return all(each not in (None, settings.PLAIN) for each in formats)


def holds(members: Members, values: Mapping[str, str | None]) -> bool:
    """Tell whether the server has *values* (JSON text by key path), as far as they can be compared."""
    for key, text in values.items():
        # the format of a secret is the server's affair
        if text is None or key.endswith("Format"):
            continue
        held = raw(members, tuple(key.split(".")))
        if held is None or not same(held, text):
            return False
    return True


def raw(members: Members, path: tuple[str, ...]) -> str | None:
    """Return the JSON text that *path* leads to, ``None`` without one."""
    for name in path[:-1]:
        members = members.object(name)
    return members.raw(path[-1]) if path[-1] in members else None


def _shown(after: Members, key: str, secret: Sequence[str]) -> str:
    if key in secret:
        return tr("a secret")
    return raw(after, tuple(key.split("."))) or tr("missing")


def _changed() -> Finding:
    return CHANGED(
        certainty=Certainty.OBSERVED,
        evidence=Evidence(time=utc_now(), more={"settings": tr("changed since they were shown")}),
        remedies=[Remedy(title=tr("Look at the differences again, then apply."))],
    )


def setting_of(key: str) -> Setting | None:
    """Return the setting with this key path, ``None`` for a key that is no setting of ours."""
    from codesign_wizard.core.comet.look import SHOWN

    return next((each for each in SHOWN if each.key == key), None)

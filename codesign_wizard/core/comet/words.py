"""What the page *Server* says: the answer first, how each thing is called, what a change would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from codesign_wizard.core.comet import findings as found
from codesign_wizard.core.comet import interrupted
from codesign_wizard.core.comet.address import ServerAddress, check_exposed, parse_address
from codesign_wizard.core.comet.apply import APPLIED, UNDONE
from codesign_wizard.core.comet.kept import Changed, Client, Kept, KeptLine, Looked
from codesign_wizard.core.comet.look import State
from codesign_wizard.core.comet.settings import FileFields, Part
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Finding, Remedy, Severity, blocks
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.text import size_words, tr
from codesign_wizard.core.verdict import verdict, when

FIELD_UNSURE = found.FIELD_UNSURE.id
# told better by the page itself than by their own line
_TOLD = (
    found.SIGNED_IN.id,
    found.DIFFERENT.id,
    found.ONLY_SECRETS.id,
    found.SAME.id,
    FIELD_UNSURE,
    APPLIED.id,
    UNDONE.id,
)
_COMMAND = " (server diff)"  # what the terminal calls what a page has a button for
_DRIFT_S = 5.0  # less is as good as none


def for_a_page(findings: Sequence[Finding]) -> list[Finding]:
    """Return what is to be listed of *findings*; where a command is named, the page's own way instead."""
    ways = {
        found.ADDRESS_PLAIN.id: (
            tr("Use the address that begins with https://."),
            tr("If there is none, and only you use this network, tick “Use it without encryption” below."),
        ),
        found.PASSWORD_MISSING.id: (tr("Type the password below."),),
        interrupted.UNCLEAR.id: (tr("Look at the differences below, and apply what is missing."),),
        interrupted.SECRET.id: (tr("Tick the part with the secret below and apply it again, or prove it."),),
        found.PREBUILT.id: (tr("Tick “Build mode” below, and apply it."),),
        found.FAILS_HERE.id: (tr("Key Vault, the step, says what to mend; then look again."),),
    }
    return [_for_a_page(each, ways.get(each.id)) for each in findings if each.id not in _TOLD]


def _for_a_page(finding: Finding, ways: Sequence[str] | None) -> Finding:
    if ways is not None:
        instead = [Remedy(title=way) for way in ways]
        # what can be done on the server itself holds wherever it is read
        portal = next((each.portal for each in finding.remedies if each.portal), ())
        instead[0] = replace(instead[0], portal=portal)
        return replace(finding, remedies=tuple(instead))
    remedies = [replace(each, title=each.title.replace(_COMMAND, "")) for each in finding.remedies]
    return replace(finding, remedies=tuple(remedies))


def change_words(changed: Changed | None, looked: Looked | None) -> str:
    """Return what was changed last and when; "" where nothing was, or where it did not work.

    *looked* tells what of it cannot be compared: what the server keeps to itself.
    """
    if changed is None or not any(each.id in (APPLIED.id, UNDONE.id) for each in changed.findings):
        return ""
    if changed.undone:
        return tr("Undone {time}: the server has its old values again.").format(time=when(changed.time))
    count, lines = len(changed.labels), [] if looked is None else looked.lines
    unseen = sum(line.state == State.UNKNOWN and line.label in changed.labels for line in lines)
    if not unseen:
        text = tr("Applied {time}: 1 setting was changed, read back and compared.")
        if count != 1:
            text = tr("Applied {time}: {n} settings were changed, read back and compared.")
    elif count == 1:
        text = tr("Applied {time}: 1 setting was changed; what the server has of it cannot be compared.")
    elif unseen == 1:
        text = tr("Applied {time}: {n} settings were changed and read back; 1 of them cannot be compared.")
    else:
        text = tr("Applied {time}: {n} settings were changed and read back; {m} of them cannot be compared.")
    return text.format(time=when(changed.time), n=count, m=unseen)


def address_of(text: str) -> ServerAddress | None:
    """Return the address in *text*, ``None`` when there is none in it."""
    try:
        return parse_address(text)
    except InputError:
        return None


def check_address(text: str) -> list[Finding]:
    """Return what is wrong with a typed address, or to be known of it."""
    try:
        address = parse_address(text)
    except InputError as error:
        return [error.finding]
    return check_exposed(address, allowed=True)


def tidy_address(text: str) -> str:
    """Return the address as it is called: with its scheme, without what a browser had behind it."""
    address = address_of(text)
    return text.strip() if address is None else address.url


def may_be_kept(text: str) -> bool:
    """Tell whether a typed address may be written down: one with a login in it may hold a password."""
    return "@" not in text


def answer(kept: Kept, inputs: str, *, old: bool, connected: bool) -> tuple[Severity, str, str]:
    """Return how grave it is, the sentence that says so, and a smaller one below it.

    *old*: the step's result is out of date.
    """
    looked, proof = kept.looked, kept.current_proof(inputs)
    findings = kept.findings(inputs)
    if kept.failure is not None and not old:
        severity, title, text = verdict([kept.failure], "", _failed(kept.failure, looked))
        tried = kept.failure.evidence.time
        if looked is not None:
            text = tr("What is below is of {time}.").format(time=when(looked.time))
        elif tried is not None:
            text = tr("Tried {time}.").format(time=when(tried))
        return severity, title, text
    if looked is None:
        text = tr("Looking changes nothing. What would be changed is shown first, and can be undone.")
        return Severity.INFO, tr("Nobody has signed in to the server yet."), text
    if looked.inputs == inputs and old:
        return (
            Severity.WARNING,
            tr("The certificate was renewed since the server's clients were judged. Prove it again."),
            tr("What is below is of {time}.").format(time=when(looked.time)),
        )
    if looked.inputs != inputs:
        return (
            Severity.WARNING,
            tr("Something changed since the server was looked at. Look again."),
            tr("What is below is of {time}.").format(time=when(looked.time)),
        )
    stamp = tr("Looked at {time}.").format(time=when(looked.time))
    if proof is not None:
        stamp = tr("Proved {time}.").format(time=when(proof.time))
        if not proof.ok:
            stamp = tr("Judged {time}.").format(time=when(proof.time))
    counted = [each for each in findings if each.id != FIELD_UNSURE]
    severity, title, besides = verdict(counted, _clear(kept, inputs), _blocked(kept, inputs))
    if severity is Severity.OK and (proof is None or looked.different):
        severity = Severity.INFO
    text = " ".join(each for each in (besides, _next(kept, inputs, connected=connected), stamp) if each)
    if blocks(findings):
        text = f"{besides} {stamp}".strip()
    return severity, title, text


def _failed(failure: Finding, looked: Looked | None) -> str:
    """Return what came of the last attempt, which *failure* ended; why is told below."""
    if failure.id.startswith(("server.sign-in.", "server.address.")) and failure.id != found.SESSION_ENDED.id:
        return tr("Signing in to the server did not work.")
    if looked is None:
        return tr("The server could not be looked at.")
    return tr("What was asked of the server last did not work.")


def _blocked(kept: Kept, inputs: str) -> str:
    """Return what comes of the errors that were found; which they are is told below."""
    changed, proof = kept.changed, kept.current_proof(inputs)
    if changed is not None and changed.inputs == inputs and blocks(changed.findings):
        return tr("The last change of the server's settings did not work as it should.")
    if proof is not None and not proof.ok:
        return tr("Not proved: something is wrong with the server's clients.")
    return tr("Something stands in the way of signing on this server.")


def refused_password(finding: Finding) -> Finding:
    """Return what the field of the password says when *finding*, told elsewhere in full, is a refusal."""
    return replace(finding, title=tr("This may be wrong."), detail="")


def _clear(kept: Kept, inputs: str) -> str:
    looked = kept.looked
    if looked is not None and looked.different:
        if looked.different == 1:
            return tr("One of the server's settings is not as in this profile.")
        return tr("Not as in this profile: {n} of the server's settings.").format(n=looked.different)
    if kept.current_proof(inputs) is not None:
        return tr("Proved: the server signs its clients as you.")
    if looked is not None and any(line.state == State.UNKNOWN for line in looked.lines):
        return tr(
            "The server has what this profile holds, as far as it can be compared. Whether it signs is not "
            "proved yet."
        )
    return tr("The server has what this profile holds. Whether it signs is not proved yet.")


def _next(kept: Kept, inputs: str, *, connected: bool) -> str:
    """Return what comes next, where something does."""
    if kept.looked is not None and kept.looked.different:
        return (
            tr("Apply gives the server this profile's values.") if connected else tr("Sign in to apply them.")
        )
    if kept.current_proof(inputs) is None:
        return tr("Let it build its own clients to prove it.") if connected else tr("Sign in to prove it.")
    return ""


def server_facts(looked: Looked) -> list[tuple[str, str]]:
    """Return what is known of the server, name and value each."""
    return [
        (tr("Server"), looked.host),
        (tr("Version"), looked.version),
        (tr("Signed in as"), looked.user),
        (tr("Clock"), drift_words(looked.drift)),
        (tr("Builds clients"), tr("yes") if looked.can_build else tr("no")),
        (tr("Looked at"), when(looked.time)),
    ]


def drift_words(seconds: float) -> str:
    """Return how the server's clock stands to this computer's."""
    if abs(seconds) < _DRIFT_S:
        return tr("as this computer's")
    amount = tr("{n} s").format(n=round(abs(seconds)))
    if abs(seconds) >= 120:
        amount = tr("{n} minutes").format(n=round(abs(seconds) / 60))
    return (tr("{time} ahead") if seconds > 0 else tr("{time} behind")).format(time=amount)


def part_title(part: Part) -> str:
    """Return what a part of the settings is called."""
    return {
        Part.AZURE: tr("Windows: the Azure Key Vault options"),
        Part.LEVEL: tr("macOS: the level"),
        Part.CERTIFICATES: tr("macOS: the two certificates"),
        Part.API_KEY: tr("macOS: the API key"),
        Part.BUILD_MODE: tr("Build mode"),
    }[part]


def state_words(line: KeptLine) -> str:
    """Return how a setting compares, in words."""
    return State(line.state).words


def part_note(looked: Looked, part: Part) -> str:
    """Return how a whole part compares."""
    lines = looked.part_lines(part)
    different = sum(line.differs for line in lines)
    unknown = sum(line.state == State.UNKNOWN for line in lines)
    if different:
        return tr("1 differs") if different == 1 else tr("{n} differ").format(n=different)
    if unknown:
        return tr("1 cannot be compared") if unknown == 1 else tr("{n} cannot be compared").format(n=unknown)
    return tr("the same")


def offered(looked: Looked) -> list[Part]:
    """Return the parts that applying would change something of."""
    return [
        part for part in looked.parts if any(line.state != State.SAME for line in looked.part_lines(part))
    ]


def suggested(kept: Kept, inputs: str) -> list[Part]:
    """Return the parts to apply unless a person chooses otherwise.

    What the server keeps to itself is given again only if it was not given from here, as it is now, before.
    """
    looked, changed = kept.looked, kept.changed
    if looked is None:
        return []
    given = changed is not None and not changed.undone and changed.inputs == inputs
    return [
        part for part in offered(looked) if not given or any(line.differs for line in looked.part_lines(part))
    ]


def change_lines(looked: Looked, parts: Sequence[Part]) -> list[tuple[str, str]]:
    """Return what applying *parts* would change: the form's label, and from what to what."""
    return [
        (line.label, f"{line.server} → {line.here}")
        for part in parts
        for line in looked.part_lines(part)
        if line.state != State.SAME
    ]


def fields_words() -> list[tuple[FileFields, str]]:
    """Return the choices of the fields that take the .p12 files."""
    return [
        (FileFields.AUTO, tr("The fields in use, or the likely ones")),
        (FileFields.FILE, "CertificateFile, AppCertificateFile"),
        (FileFields.NAME, "CertificateName, AppCertificateName"),
    ]


def build_note(level: str) -> str:
    """Return how long the proof takes; *level* is the macOS level, "" where nothing is built for macOS."""
    if level == LEVELS[-1]:
        return tr("Takes minutes; stapling for macOS can take a quarter of an hour.")
    return tr("Takes minutes.")


def client_facts(client: Client) -> list[tuple[str, str]]:
    """Return how a client was judged, name and value each."""
    facts = client.facts
    size = facts.get("size", "")
    ticket = {
        "stapled": tr("yes, and the ticket is stapled"),
        "notarised": tr("yes, Apple has the ticket; none is stapled"),
        "none": tr("no ticket was seen"),
    }
    named = (
        (tr("Signed by"), facts.get("publisher", tr("nobody") if facts.get("file") else "")),
        (tr("Time stamp"), facts.get("timestamp", "")),
        (tr("Notarised"), ticket.get(facts.get("ticket", ""), "")),
        (tr("Problem"), facts.get("problem", "")),
        (tr("File"), facts.get("file", "")),
        # bytes; what an earlier version kept is in words already
        (tr("Size"), size_words(int(size)) if size.isdecimal() else size),
    )
    return [(name, value) for name, value in named if value]

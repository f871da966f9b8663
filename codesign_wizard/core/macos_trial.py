"""The trial for macOS: build or take an installer, sign what is in it, sign it, time-stamp, verify.

A page or a command fills in a ``MacosTrialRequest`` (``Session.apple_options``, ``apple_roots`` and
``apple_timestamper`` give its parts), shows ``stages(request)``, runs ``run_macos_trial`` as a job, and shows
the result's findings and ``facts``; ``result.state`` goes into the profile, where the step's details are.

The stages up to *verify* make and judge a signed file, which is then in its place: whatever fails before is a
finding, and nothing is left behind. What follows at a higher level (upload, Apple's processing, its log,
stapling) are ``LaterStep`` objects, run in order on the file in its place. How far they came is kept after
each in the ``TrialState``: given back to ``run_macos_trial``, it goes on there, with the same file and
whatever the steps kept in ``TrialState.data`` (a submission's id), as long as the file is still the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.files import put_folder
from codesign_wizard.core.finding import Finding, FindingKind, Severity, blocks, iso, worst_first
from codesign_wizard.core.job import JobContext, LogLevel, StageState
from codesign_wizard.core.macos_trial_state import (
    LaterStep,
    MacosTrialRequest,
    MacosTrialResult,
    SignedTrial,
    TrialState,
    identity_of,
)
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.text import tr
from codesign_wizard.core.trial import file_name
from codesign_wizard.core.trial_parts import Stages, check_replaceable, refuse_same, size_text, work_folder

if TYPE_CHECKING:
    from codesign_wizard.core.apple.forms import Form
    from codesign_wizard.core.apple.sign_any import SignedFile
    from codesign_wizard.core.apple.verify_any import Verification


BUILD, BINARIES, PACKAGE, TIMESTAMP, VERIFY = STAGES = (
    "build",
    "sign-binaries",
    "sign-package",
    "time-stamp",
    "verify",
)


NOT_KEPT = FindingKind(
    "trial.macos.not-kept",
    Severity.INFO,
    "The signed file was not kept, because macOS would not accept it.",
    "The verification found an error; what an earlier trial wrote is still there.",
)


SIGNS_ONLY = FindingKind(
    "trial.macos.signs-only",
    Severity.WARNING,
    "This version signs only: it does not notarise or staple yet, as the level “{level}” asks.",
    "The profile's level is above “sign only”, and the steps for it are not part of this version.",
)


CHANGED_SINCE = FindingKind(
    "trial.macos.changed-since",
    Severity.INFO,
    "{file} is not the file that the former trial signed, so everything is done anew.",
    "The trial was to go on where it was left, but its file was changed or removed.",
)


GOES_ON = FindingKind(
    "trial.macos.goes-on",
    Severity.INFO,
    "{file} is signed already: the trial goes on where the former run ended.",
    "A former run of the same trial, with the same certificates, did not come to its end.",
)


REFUSED = "refused"  # the member of the state's data with the step that ended with an error
SIGNED = "signed"  # the member with what a run that goes on tells of the signing
_SIGNING = ("programs", "digest", "key", "team")  # the facts of it


def stages(request: MacosTrialRequest) -> list[str]:
    """Return the stages of a trial in their order."""
    return [*STAGES, *(step.key for step in request.steps())]


def not_refused(state: TrialState, key: str) -> TrialState:
    """Return *state* so that a trial goes on with the step *key*, even where it was refused there."""
    data = {name: value for name, value in state.data.items() if (name, value) != (REFUSED, key)}
    return replace(state, data=data)


def unfinished(job: JobContext, request: MacosTrialRequest, state: TrialState | None) -> bool:
    """Tell whether *state* is of a run of this very trial that can go on: killed, stopped, or kept waiting.

    Not so when all steps of the level are done, when one ended with an error that signing anew may mend, or
    when input, place, certificates or the signed file are others now. Raises ``Cancelled``.
    """
    if state is None or not state.source or REFUSED in state.data:
        return False
    if all(step.key in state.done for step in request.steps()):
        return False
    from codesign_wizard.core.apple.forms import Form, form_of
    from codesign_wizard.core.apple.options import judge_identities
    from codesign_wizard.core.apple.sign_any import SigningOptions

    own = request.input_file
    form = Form.PACKAGE if own is None else form_of(own)
    if form is None:
        return False
    kinds = SigningOptions().kinds(form)
    report = judge_identities(request.options, roots=request.roots, kinds=kinds)
    found = [each.identity for each in (report.application, report.installer) if each is not None]
    certificates = [each.description.sha256 for each in found if each is not None]
    source = _source_of(job, request, Path(state.file), certificates)
    return source == state.source and _is(job, Path(state.file), state)


def _source_of(job: JobContext, request: MacosTrialRequest, target: Path, certificates: Sequence[str]) -> str:
    import hashlib
    import json

    from codesign_wizard.core.apple.bundle import BundleError

    own = request.input_file
    try:
        what = request.product_name if own is None else f"{own.absolute()} {identity_of(job, own)}"
    except (OSError, BundleError):
        return ""
    place = [str(request.output_folder.absolute()), request.output_name, str(target)]
    return hashlib.sha256(json.dumps([what, *place, *sorted(certificates)]).encode()).hexdigest()


def run_macos_trial(
    job: JobContext, request: MacosTrialRequest, state: TrialState | None = None
) -> MacosTrialResult:
    """Run the trial, or go on with it from *state*; refusals are findings in the result.

    Raises ``InputError`` for a file, folder or setting that cannot be used, and ``Cancelled``.
    """
    from codesign_wizard.core.apple.options import RefusedIdentities

    told = Stages(job, stages(request))
    trial = _Trial(told, request)
    try:
        return trial.run(state)
    except InputError:
        told.fail()
        raise
    except CodesignError as error:
        told.fail()
        job.log(LogLevel.ERROR, error.finding.title, part="trial")
        findings = error.findings if isinstance(error, RefusedIdentities) else [error.finding]
        return trial.result([*findings])


class _Trial:
    """One run; what it has come to so far is kept, so that a later failure loses none of it."""

    def __init__(self, job: Stages, request: MacosTrialRequest) -> None:
        self.job, self.request = job, request
        self.findings: list[Finding] = []
        # of the last verification: what a later step changes is judged anew
        self.judged: list[Finding] = []
        self.file: Path | None = None
        self.form: Form | None = None
        self.signed: SignedFile | None = None
        self.verification: Verification | None = None
        self.state: TrialState | None = None

    def result(self, findings: Sequence[Finding] = ()) -> MacosTrialResult:
        return MacosTrialResult(
            worst_first([*self.findings, *self.judged, *findings]),
            self.file,
            self.form,
            self.signed,
            self.verification,
            _facts(self._signing(), self.verification, self.request.level, self.file),
            self.state,
            self.request.level,
            tuple(
                step.key
                for step in self.request.steps()
                if self.state is None or step.key not in self.state.done
            ),
        )

    def _signing(self) -> dict[str, str]:
        """Return the facts of signing, of this run or of the one that it goes on with."""
        if self.signed is not None:
            return _signing(self.signed)
        kept = self.state.data.get(SIGNED) if self.state is not None else None
        return {name: str(kept[name]) for name in _SIGNING if name in kept} if isinstance(kept, dict) else {}

    def run(self, state: TrialState | None) -> MacosTrialResult:
        if not (state is not None and self._goes_on(state)) and not self._sign():
            return self.result()
        steps = self.request.steps()
        if blocks([*self.findings, *self.judged]):
            return self.result()
        if self.request.level != LEVELS[0] and not steps:
            self.findings.append(SIGNS_ONLY(level=self.request.level))
        assert self.file is not None
        assert self.state is not None
        assert self.verification is not None
        signed = SignedTrial(self.file, self.state, self.verification, self.request.keep)
        for step in steps:
            if not self._step(step, signed):
                break
        if signed.was_changed:
            self.verification = self._judge(self.file, self.file.parent)
        return self.result()

    def _step(self, step: LaterStep, signed: SignedTrial) -> bool:
        job, state = self.job, signed.state
        if step.key in state.done:
            job.stage(step.key, StageState.DONE, tr("done before"))
            return True
        job.check_cancelled()
        job.stage(step.key, StageState.RUNNING)
        found = list(step.run(job, signed))
        self.findings += found
        if blocks(found):
            state.data[REFUSED] = step.key
            signed.keep()
            job.fail(tr("not sent") if step.key == "upload" else tr("refused"))
            return False
        state.data.pop(REFUSED, None)
        state.done.append(step.key)
        signed.keep()
        job.stage(step.key, StageState.DONE)
        return True

    # where a former run was left

    def _goes_on(self, state: TrialState) -> bool:
        """Take the former run's file, if it is the same still; else say so."""
        file = Path(state.file)
        if not _is(self.job, file, state):
            self.findings.append(CHANGED_SINCE(file=file.name))
            return False
        self.findings.append(GOES_ON(file=file.name))
        for key in STAGES[:-1]:
            self.job.stage(key, StageState.DONE, tr("done before"))
        self.file, self.state = file, state
        self.verification = self._verified(file, file.parent)
        self.job.stage(VERIFY, StageState.DONE)
        return True

    # signing

    def _sign(self) -> bool:
        from codesign_wizard.core.apple.options import open_identities
        from codesign_wizard.core.apple.sign_any import SigningOptions, moved, sign_any

        job, request = self.job, self.request
        with work_folder(request.output_folder) as work:
            source, target, form = self._source(work)
            self.form = form
            job.stage(BINARIES, StageState.RUNNING)
            kinds = SigningOptions().kinds(form)
            identities = open_identities(request.options, roots=request.roots, kinds=kinds)
            draft = work / target.name
            signed = sign_any(
                job,
                source,
                draft,
                identities,
                timestamp=request.timestamper,
                roots=request.roots,
                work=work,
            )
            self.signed = moved(signed, target)
            self._signed(form, draft)
            self.findings += self.signed.findings
            self.verification = replace(self._verified(draft, work), path=target)
            if not self.verification.ok:
                job.stage(VERIFY, StageState.FAILED, tr("refused"))
                self.findings.append(NOT_KEPT())
                return False
            digest = identity_of(job, draft)
            job.check_cancelled()
            _deliver(draft, target)
        self.file = target
        certificates = [
            each.description.sha256
            for each in (identities.application, identities.installer)
            if each is not None
        ]
        known_by = _source_of(job, request, target, certificates)
        # whoever goes on with it later tells the same of it
        self.state = TrialState(str(target), digest, data={SIGNED: _signing(self.signed)}, source=known_by)
        request.keep(self.state)
        job.stage(VERIFY, StageState.DONE, tr("accepted"))
        return True

    def _signed(self, form: Form, draft: Path) -> None:
        from codesign_wizard.core.apple.forms import Form

        job, signed = self.job, self.signed
        assert signed is not None
        job.stage(BINARIES, StageState.DONE, tr("{count} signed").format(count=len(signed.code)))
        if form is Form.PACKAGE:
            job.stage(PACKAGE, StageState.DONE, size_text(draft))
        else:
            job.stage(PACKAGE, StageState.SKIPPED)
        stamp = signed.timestamp
        job.stage(
            TIMESTAMP,
            StageState.SKIPPED if stamp is None else StageState.DONE,
            "" if stamp is None else stamp.host,
        )

    def _verified(self, path: Path, work: Path) -> Verification:
        self.job.stage(VERIFY, StageState.RUNNING)
        return self._judge(path, work)

    def _judge(self, path: Path, work: Path) -> Verification:
        from codesign_wizard.core.apple.verify_any import verify_any

        request = self.request
        result = verify_any(self.job, path, roots=request.roots, level=request.level, work=work)
        self.judged = result.findings
        return result

    def _source(self, work: Path) -> tuple[Path, Path, Form]:
        """Return the unsigned file, built if none was given, where the signed one goes, and its form."""
        from codesign_wizard.core.apple.forms import Form
        from codesign_wizard.core.apple.sample import build_sample
        from codesign_wizard.core.apple.sign_any import require_form, require_place_for_bundle

        request, job = self.request, self.job
        own, folder = request.input_file, request.output_folder
        job.stage(BUILD, StageState.RUNNING)
        if own is None:
            form = Form.PACKAGE
            source = work / "sample"
            build_sample(job, request.product_name, source)
            target = folder / (request.output_name or f"{file_name(request.product_name)}-setup.pkg")
        else:
            source, form = own, require_form(own)
            target = folder / (request.output_name or f"{own.stem}-signed{own.suffix or form.suffix}")
            refuse_same(own, target)
            if request.steps():
                _check_level(form, own, request.level)
        # told before the keys are used, not after
        if form is Form.BUNDLE:
            require_place_for_bundle(target)
        else:
            check_replaceable(target)
        if own is None:
            # what was built has another size than the package that is made of it, which is called so
            job.stage(BUILD, StageState.DONE, target.name)
        else:
            size = form.label if form is Form.BUNDLE else size_text(source)
            job.stage(BUILD, StageState.DONE, f"{source.name}, {size}")
        return source, target, form


def _check_level(form: Form, own: Path, level: str) -> None:
    """Raise ``InputError`` for a file that the level's later steps would refuse."""
    from codesign_wizard.core.apple.forms import Form
    from codesign_wizard.core.apple.notary_findings import WRONG_FILE
    from codesign_wizard.core.apple.staple_findings import CANNOT

    if form is Form.PROGRAM:
        why = tr("a program alone is not taken; put it into a package, an app or a .zip")
        raise InputError(WRONG_FILE(file=own.name, why=why))
    if form is Form.ZIP and level == LEVELS[2]:
        why = tr("a .zip holds no ticket; give the app itself, or go to the level “notarise” only")
        raise InputError(CANNOT(file=own.name, why=why))


def _deliver(draft: Path, target: Path) -> None:
    """Put the draft in its place; what was there before comes back when that fails. Raises ``OSError``."""
    if draft.is_dir():
        put_folder(draft, target)
    else:
        draft.replace(target)


def _is(job: JobContext, path: Path, state: TrialState) -> bool:
    """Tell whether *path* is the state's file, also when a ticket was stapled and that was not noted."""
    from codesign_wizard.core.apple.bundle import BundleError
    from codesign_wizard.core.apple.submitted_file import without_ticket

    try:
        now = identity_of(job, path)
    except (OSError, BundleError):
        return False
    if now != state.sha256 and without_ticket(job, path) != state.sha256:
        return False
    state.sha256 = now
    return True


def _signing(signed: SignedFile) -> dict[str, str]:
    from codesign_wizard.core.apple.sign_any import digest_text

    told = (str(len(signed.code)), digest_text(signed), signed.key, signed.team)
    return dict(zip(_SIGNING, told, strict=True))


def _facts(
    signing: Mapping[str, str], verification: Verification | None, level: str, file: Path | None
) -> dict[str, str]:
    from codesign_wizard.core.authenticode import trust

    facts = {"level": level, **signing}
    if verification is not None:
        certificate, token = verification.certificate, verification.timestamp
        if certificate is not None:
            facts["publisher"] = trust.name(certificate)
            facts["certificate_expires"] = iso(certificate.not_valid_after_utc)
        facts["chain"] = " → ".join(trust.name(each) for each in verification.chain)
        if token is not None:
            time = token.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            facts["timestamp"] = f"{time}, {trust.name(token.certificate)}"
        facts["gatekeeper_online"] = verification.gatekeeper.online.value
        facts["gatekeeper_offline"] = verification.gatekeeper.offline.value
    if file is not None:
        facts["file"] = str(file)
    return {name: value for name, value in facts.items() if value}

"""Making one line of the matrix out of all that was observed: what the vault itself did counts most.

In this order: a signature made, what happened to the real certificate and its key, what happened to a name
that does not exist, what was computed from an administrator's view, what Resource Manager says of the caller.

What no request can ask is computed alone. It counts as granted only where the vault was seen to know of that
very grant, or where the grant is so old that every vault knows of it; else it is *likely*. A role that was
changed after it was given is as new as the change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from codesign_wizard.core.azure.permissions.catalogue import Model, Permission, permissions
from codesign_wizard.core.azure.permissions.evaluate import on_object
from codesign_wizard.core.azure.permissions.report import Observation, Row, Source, State
from codesign_wizard.core.finding import Certainty, utc_now
from codesign_wizard.core.text import tr

_DIRECT = (Source.SIGNATURE, Source.OBJECT)
_COMPUTED = (Source.ADMIN, Source.SELF)
_LET_THROUGH = (State.GRANTED, State.LIKELY)
# a role that was given longer ago than this is known to every vault
_PROPAGATED = timedelta(hours=24)
_ORDER = (Source.SIGNATURE, Source.OBJECT, Source.PROBE, Source.ADMIN, Source.SELF)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two observations of one permission that cannot both be so."""

    permission: Permission
    first: Observation
    second: Observation


@dataclass(frozen=True)
class Matrix:
    """The rows, and what is contradicted in them.

    ``unheard`` are rows where Azure's grants say yes and the vault says no. ``alone`` are rows that were let
    through for the real certificate or its key, but refused for the vault.
    """

    rows: tuple[Row, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    unheard: tuple[Contradiction, ...] = ()
    alone: tuple[Row, ...] = ()


def build(model: Model, observations: Mapping[str, Sequence[Observation]], certificate_name: str) -> Matrix:
    """Return the matrix of *model* from *observations* by ``Permission.key``."""
    # an access policy is for the whole vault
    alone = model is Model.RBAC and any(_alone(observations.get(each.key, ())) for each in permissions(model))
    unheard: list[Contradiction] = []
    contradictions: list[Contradiction] = []
    for each in permissions(model):
        for found in _contradictions(each, observations.get(each.key, ())):
            (unheard if _unheard(found) else contradictions).append(found)
    known = {
        grant
        for seen in observations.values()
        if any(each.source not in _COMPUTED and each.state in _LET_THROUGH for each in seen)
        for each in seen
        if each.state is State.GRANTED and (grant := _grant(each))
    }
    rows = tuple(
        _row(
            each,
            [_weighed(one, known) for one in observations.get(each.key, ())],
            certificate_name,
            alone=alone,
            doubted=bool(unheard),
        )
        for each in permissions(model)
    )
    return Matrix(
        rows,
        tuple(contradictions),
        tuple(unheard),
        tuple(row for row in rows if alone and _alone(row.observations)),
    )


def _grant(observation: Observation) -> tuple[str, ...]:
    """Return by which role assignment, or which of the caller's sets of rights, something is granted."""
    more = observation.evidence.more
    names = ("role", "scope", "principal") if observation.source is Source.ADMIN else ("data-actions",)
    found = tuple(more.get(name, "") for name in names)
    return (observation.source.value, *found) if any(found) else ()


def _weighed(observation: Observation, known: Collection[tuple[str, ...]]) -> Observation:
    """Return *observation*, as likely where the vault may not know of the grant, or something may deny it.

    Ticks in access policies work at once.
    """
    grant = _grant(observation) if observation.source in _COMPUTED else ()
    if observation.state is not State.GRANTED or not grant:
        return observation
    if "deny-assignments" in observation.evidence.more:
        doubt = tr("{reason} Whether something denies it could not be read.")
    elif (grant in known and not lately_changed(observation)) or _old(observation):
        return observation
    else:
        doubt = tr("{reason} Whether the vault knows of this grant yet was not seen.")
    return replace(
        observation,
        state=State.LIKELY,
        certainty=Certainty.LIKELY,
        text=doubt.format(reason=observation.text),
    )


def _old(observation: Observation) -> bool:
    """Tell whether every vault must know of a grant: given to the caller itself, and long ago."""
    # who came into a group when is not told
    return "through-group" not in observation.evidence.more and not is_new(observation)


def lately_changed(observation: Observation) -> bool:
    """Tell whether the role got its content after it was given, and lately: the vault may know the former."""
    changed = observation.evidence.more.get("role-changed", "")
    return bool(changed) and _ago(changed) <= _PROPAGATED


def is_new(observation: Observation) -> bool:
    """Tell whether a grant is of late, or of an unknown time: a vault that refuses may not know it yet."""
    assigned = observation.evidence.more.get("assigned", "")
    return _ago(assigned) <= _PROPAGATED or lately_changed(observation)


def _ago(time: str) -> timedelta:
    """Return how long ago a *time* of the evidence was; none at all where it is not told."""
    try:
        return utc_now() - datetime.fromisoformat(time)
    except ValueError:
        return timedelta(0)


def _row(
    permission: Permission,
    observations: Sequence[Observation],
    certificate_name: str,
    *,
    alone: bool,
    doubted: bool,
) -> Row:
    ordered = sorted(observations, key=lambda each: _ORDER.index(each.source))
    direct = [each for each in ordered if each.source in _DIRECT]
    probed = [each for each in ordered if each.source is Source.PROBE]
    computed = [each for each in ordered if each.source in _COMPUTED]
    state, decided = _decide(permission, direct, probed, computed, alone=alone, doubted=doubted)
    if decided is None:
        decided = Observation(
            Source.PROBE,
            State.UNTESTABLE,
            Certainty.OBSERVED,
            _why_untestable(permission, probed, certificate_name),
        )
        return Row(permission, state, decided.certainty, (decided, *ordered))
    certainty = decided.certainty
    if state is not decided.state:
        certainty = Certainty.LIKELY if state is State.LIKELY else Certainty.COMPUTED
    return Row(permission, state, certainty, (decided, *(each for each in ordered if each is not decided)))


def _decide(
    permission: Permission,
    direct: Sequence[Observation],
    probed: Sequence[Observation],
    computed: Sequence[Observation],
    *,
    alone: bool,
    doubted: bool,
) -> tuple[State, Observation | None]:
    """Return the state, and the observation that decided; ``None`` for it when none tells."""
    signed = _first(direct, State.GRANTED, Source.SIGNATURE)
    if signed is not None:
        return State.GRANTED, signed
    refused = _first(direct, State.MISSING)
    if refused is not None:
        return State.MISSING, refused
    let_through = _first(direct, State.GRANTED)
    if let_through is not None:
        return State.GRANTED, let_through
    told = _first(computed, State.GRANTED)
    denied = _first(computed, State.MISSING)
    refused = _first(probed, State.MISSING)
    if refused is not None:
        only_on = told is not None and "only-on" in told.evidence.more
        if told is not None and only_on and not doubted:
            return State.GRANTED, told
        if (alone or only_on) and on_object(permission.action):
            return State.UNTESTABLE, None
        return State.MISSING, refused
    let_through = _first(probed, State.GRANTED)
    if let_through is not None:
        return State.GRANTED, let_through
    likely = _first([*direct, *probed], State.LIKELY)
    if likely is not None:
        if told is not None and not doubted:
            return State.GRANTED, told
        if denied is not None and told is None:
            return State.MISSING, denied
        return State.LIKELY, likely
    if told is not None and (denied is None or told.source is Source.ADMIN):
        # Resource Manager says no, the administrator's view says yes: one of them is not up to date
        sure = denied is None and not doubted
        return (State.GRANTED if sure else State.LIKELY), told
    likely = _first(computed, State.LIKELY)
    # as above: a grant of today, that Resource Manager does not list yet
    fresh = likely is not None and likely.source is Source.ADMIN
    if denied is not None and not (
        denied.source is Source.SELF and "deny-assignment" not in denied.evidence.more
    ):
        return State.MISSING, denied
    if denied is not None and not fresh:
        # Resource Manager was asked about the vault: a role on one object is not in its answer
        only_elsewhere = alone and bool(on_object(permission.action))
        return (State.UNTESTABLE, None) if only_elsewhere else (State.MISSING, denied)
    if likely is not None:
        return State.LIKELY, likely
    return State.UNTESTABLE, next(iter([*direct, *probed, *computed]), None)


def _why_untestable(permission: Permission, probed: Sequence[Observation], certificate_name: str) -> str:
    if _first(probed, State.MISSING) is not None:
        return tr(
            "The vault refuses it for other names. {name} itself was not asked about: that could change it."
        ).format(name=certificate_name)
    return tr("The vault has no request that would tell this and certainly change nothing.")


def _first(
    observations: Iterable[Observation], state: State, source: Source | None = None
) -> Observation | None:
    return next(
        (each for each in observations if each.state is state and source in (None, each.source)), None
    )


def _alone(observations: Iterable[Observation]) -> bool:
    """Tell whether the real object was let through and every other name refused.

    Where another name was let through, too, or a grant on the vault is there, the vault is of two minds.
    """
    seen = list(observations)
    granted = [each for each in seen if each.state is State.GRANTED]
    on_vault = [
        each
        for each in granted
        if each.source is Source.PROBE or (each.source in _COMPUTED and "only-on" not in each.evidence.more)
    ]
    refused = any(each.source is Source.PROBE and each.state is State.MISSING for each in seen)
    return refused and not on_vault and any(each.source in _DIRECT for each in granted)


def _contradictions(permission: Permission, observations: Sequence[Observation]) -> Iterable[Contradiction]:
    """Yield what cannot both be so, at most one for a permission."""
    sure = sorted(
        (each for each in observations if each.state in (State.GRANTED, State.MISSING)),
        # an administrator's view tells more of a grant than the list of the caller's own rights
        key=lambda each: _ORDER.index(each.source),
    )
    seen = [each for each in sure if each.source not in _COMPUTED]
    for told in (each for each in sure if each.source in _COMPUTED):
        single = "only-on" in told.evidence.more
        for one in seen:
            if one.state is told.state or (single and one.source is Source.PROBE):
                continue
            if told.source is Source.SELF and told.state is State.MISSING and one.source in _DIRECT:
                continue  # Resource Manager was asked about the vault, not about the object
            yield Contradiction(permission, told, one)
            return
    for one in seen:
        for other in seen:
            if (
                one.state is State.MISSING
                and other.state is State.GRANTED
                and _differ(permission, one, other)
            ):
                yield Contradiction(permission, one, other)
                return


def _differ(permission: Permission, refused: Observation, let_through: Observation) -> bool:
    """Tell whether two answers of the vault cannot both be right."""
    if refused.source is let_through.source or refused.source in _DIRECT:
        return True
    # a role may be held on one object; an access policy is for all
    return permission.model is Model.POLICY


def _unheard(found: Contradiction) -> bool:
    return found.first.source in _COMPUTED and found.first.state is State.GRANTED

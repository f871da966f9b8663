"""What is asked of the vault, as ``csr create`` and ``certificate renew`` take it from a command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.commands.context import Context
    from codesign_wizard.core.certificates.request import KeyChoice, RequestOptions
    from codesign_wizard.core.certificates.subject import Subject
    from codesign_wizard.core.profile import RequestSettings

_OPTIONS = {
    "common_name": "--cn",
    "organization": "--organization",
    "organizational_unit": "--unit",
    "street": "--street",
    "locality": "--locality",
    "state": "--state-or-province",
    "postal_code": "--postal-code",
    "country": "--country",
    "email": "--email",
    "serial_number": "--registration-number",
    "business_category": "--business-category",
    "jurisdiction_locality": "--jurisdiction-locality",
    "jurisdiction_state": "--jurisdiction-state",
    "jurisdiction_country": "--jurisdiction-country",
}
# options of all commands have some of the same names
_PREFIX = "subject_"


def add_request_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the subject, the key and tags."""
    from codesign_wizard.core.certificates.request import KeyChoice
    from codesign_wizard.core.certificates.subject import FIELD

    subject = parser.add_argument_group(tr("a new request: the subject"))
    subject.add_argument(
        "--subject", metavar="NAME", help=tr('the whole name, as in O="Example, Inc.",L=Town,C=GB')
    )
    for name, flag in _OPTIONS.items():
        field = FIELD[name]
        subject.add_argument(
            flag, dest=f"{_PREFIX}{name}", metavar="TEXT", help=f"{field.label}. {field.hint}"
        )
    key = parser.add_argument_group(tr("a new request: the key"))
    choices = [_word(choice) for choice in KeyChoice]
    key.add_argument(
        "--key", choices=choices, help=tr("kind and size of the key (default: rsa-4096, which is advised)")
    )
    key.add_argument(
        "--software-key", action="store_true", help=tr("not in the HSM; CAs refuse it for code signing")
    )
    key.add_argument(
        "--tag", action="append", metavar="NAME=VALUE", help=tr("a tag for the certificate; may be repeated")
    )


def asked(
    context: Context, present: Subject | None = None, tags: Mapping[str, str] | None = None
) -> RequestOptions:
    """Return what the options ask for; raises ``InputError``.

    Parts of the subject that no option names are those of *present*, the certificate's own at a renewal, or
    else of the profile's form. *tags* stay where no option names some.
    """
    from codesign_wizard.core.certificates.request import KeyChoice, RequestOptions

    options, settings = context.options, context.session.profile.windows.request
    renewal = present is not None
    return RequestOptions(
        _subject(options, settings, present),
        KeyChoice.named(options.key or ("rsa-4096" if renewal else settings.key)),
        not options.software_key and (renewal or settings.hardware),
        tags=_tags(options.tag) if options.tag else dict(tags or {}),
    )


def say(lines: Iterable[str]) -> None:
    """Tell on standard error what is about to be done, whatever ``--quiet`` and ``--json`` say."""
    if sys.stderr is not None:
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()


def described(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return pairs of name and value as lines."""
    known = list(pairs)
    room = max((len(name) for name, _ in known), default=0)
    return [f"  {name:<{room}}  {value}" for name, value in known]


def wrong(why: str) -> InputError:
    """Return the error for a command line that cannot be meant."""
    from codesign_wizard.commands.arguments import WRONG

    return InputError(WRONG(why=why))


def _subject(options: argparse.Namespace, settings: RequestSettings, present: Subject | None) -> Subject:
    from codesign_wizard.core.certificates.subject import Subject, SubjectError

    parts = {name: getattr(options, f"{_PREFIX}{name}") for name in _OPTIONS}
    given = {name: value for name, value in parts.items() if value is not None}
    if options.subject is not None:
        if given:
            raise wrong(tr("Give the subject as a whole with --subject, or in parts, not both."))
        try:
            subject = Subject.parse(options.subject)
        except SubjectError as error:
            raise wrong(tr("The subject cannot be read: {why}.").format(why=error)) from error
    elif present is not None:
        # as it stands, with whatever no form asks for, unless something is to change
        subject = Subject.from_form({**present.to_form(), **given}) if given else present
    else:
        form = {**{name: getattr(settings, name) for name in _OPTIONS}, **given}
        # CAs and Windows want the organisation there
        form["common_name"] = form["common_name"] or form["organization"]
        subject = Subject.from_form(form)
    if not subject:
        raise wrong(tr("A subject is needed: --organization, --locality, --country, or --subject."))
    return subject


def _tags(given: Iterable[str]) -> dict[str, str]:
    tags = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise wrong(tr("A tag is written as NAME=VALUE, not as {text}.").format(text=text))
        tags[name] = value
    return tags


def _word(choice: KeyChoice) -> str:
    return choice.label.lower().replace(" ", "-")

"""Every command that a remedy shows: well-formed for ``az``, quoted for the shell it is for."""

from __future__ import annotations

import enum
import importlib
import inspect
import json
import pkgutil
import re
import sys
import typing
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core import azure, certificates, clouds
from codesign_wizard.core.azure.clipboard import recognise
from codesign_wizard.core.azure.explain import read_refusal
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions import remedies
from codesign_wizard.core.azure.permissions.catalogue import Model, Permission, Purpose, permissions, wanted
from codesign_wizard.core.azure.permissions.matrix import Matrix
from codesign_wizard.core.azure.permissions.mixup_seen import Seen
from codesign_wizard.core.azure.permissions.probe_answers import ProbeResult
from codesign_wizard.core.azure.quoting import powershell, powershell_lines, quoted, sh, sh_lines
from codesign_wizard.core.azure.setup_script import setup_remedy
from codesign_wizard.core.finding import Evidence, Finding, Remedy
from tests.support import az

APPLICATION = "6b1f6e2a-3b0c-4f0e-9d3a-0c2f4a6b8d10"
PRINCIPAL = "77777777-1111-4222-8333-444444444444"
SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
VAULT_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/contoso"
FINDINGS = ("pending_exists", "name_deleted", "vault_standard", "tenant_other")
OPTIONS = AzureOptions("contoso", "code-signing", APPLICATION, "contoso.com")
# what a person may have typed, or a vendor's answer may hold, that must never leave its quotes
NASTY = "a'; touch PWNED; 'b$(touch PWNED)`touch PWNED`\n touch PWNED \"‘’‚‛ & | < > PWNED"
NASTY_OPTIONS = AzureOptions(NASTY, NASTY, NASTY, NASTY, clouds.CHINA)


def functions() -> Iterator[Callable[..., Any]]:
    """Yield every function of the vault's parts that makes remedies, and those of findings with commands."""
    for package in (azure, certificates):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(found.name)
            for name, function in inspect.getmembers(module, inspect.isfunction):
                annotation = str(function.__annotations__.get("return", ""))
                if function.__module__ == module.__name__ and (
                    re.fullmatch(r"(list\[|tuple\[)?Remedy(, \.\.\.)?\]?", annotation) or name in FINDINGS
                ):
                    yield function


MAKERS = {f"{each.__module__.rpartition('.')[2]}.{each.__name__}": each for each in functions()}


def values(hint: Any, name: str, *, nasty: bool) -> list[Any]:
    """Return what a parameter of type *hint* may be given."""
    options = NASTY_OPTIONS if nasty else OPTIONS
    if hint is AzureOptions:
        return [options]
    if hint is clouds.Cloud:
        return [clouds.PUBLIC, clouds.US_GOVERNMENT]
    if hint is remedies.Target:
        if nasty:
            return [remedies.Target(options, NASTY, NASTY, (NASTY, "get"), (NASTY,))]
        held = (("Get", "purge"), ("all",))
        return [remedies.Target(options), remedies.Target(options, PRINCIPAL, VAULT_ID, *held)]
    if hint is Seen:
        return [Seen(options, model, Matrix(), ProbeResult(model)) for model in Model]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return list(hint)
    if hint == Model | None:
        return [*Model, None]
    if "Permission" in str(hint):
        return [list(wanted(Model.POLICY, Purpose.SIGN)), list(permissions(Model.RBAC))]
    if hint is bool:
        return [False, True]
    if hint is Evidence:
        return [Evidence()]
    if hint == Evidence | None:
        return [None]
    if hint in (str, str | None):
        if name in ("action", "permission"):
            return ["Microsoft.KeyVault/vaults/keys/sign/action", "keys sign", "certificates get", NASTY]
        if nasty:
            return [NASTY]
        known = {"object_id": PRINCIPAL, "resource": VAULT_ID, "resource_id": VAULT_ID}
        known |= {"tenant_id": "contoso.com", "address": "203.0.113.7", "object": PRINCIPAL}
        return ["", known.get(name, "https://learn.microsoft.com/")] if hint is str else [None]
    if str(hint).startswith(("collections.abc.Sequence[str]", "tuple[str", "list[str]")):
        return [["Key Vault Crypto Officer", NASTY if nasty else "Key Vault Certificates Officer"]]
    raise NotImplementedError(f"say what {name}: {hint} may be")


def made(maker: Callable[..., Any], *, nasty: bool) -> list[Remedy]:
    """Return the remedies of *maker* for every choice of its arguments, one argument varied at a time."""
    hints = typing.get_type_hints(maker, vars(sys.modules[maker.__module__]))
    parameters = [(name, hints[name]) for name in inspect.signature(maker).parameters]
    choices = {name: values(hint, name, nasty=nasty) for name, hint in parameters}
    found: list[Remedy] = []
    for turn in range(max([1, *map(len, choices.values())])):
        answer = maker(**{name: each[turn % len(each)] for name, each in choices.items()})
        if isinstance(answer, Finding):
            answer = answer.remedies
        found += [answer] if isinstance(answer, Remedy) else list(answer)
    return found


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_every_az_command_of_every_remedy_is_one_that_az_takes(name: str, tmp_path: Path) -> None:
    remedies_ = made(MAKERS[name], nasty=False)
    assert remedies_
    for remedy in remedies_:
        assert remedy.title
        if remedy.az and not name.startswith("setup_script."):
            assert az.check(remedy.az, tmp_path)


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_no_column_is_lost_in_a_table(name: str) -> None:
    # the Azure CLI leaves columns of these names out of every table
    for remedy in made(MAKERS[name], nasty=False):
        for line in (remedy.az or "").splitlines():
            assert "-o table" not in line or not re.search(r"[{,]\s*(id|type|etag)\s*:", line), line


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_no_value_leaves_its_quotes(name: str, tmp_path: Path) -> None:
    for remedy in made(MAKERS[name], nasty=True):
        if remedy.az and not name.startswith("setup_script."):
            # fails when the shell finds it wanting, or when a file PWNED is left
            assert az.calls(remedy.az, tmp_path)
        outside = outside_quotes(remedy.powershell or "")
        assert "PWNED" not in outside
        assert outside.count("\n") == (remedy.powershell or "").count("\n")


@pytest.mark.parametrize("name", sorted(each for each in MAKERS if not each.startswith("setup_script.")))
def test_a_command_shown_over_several_lines_is_the_same_command(name: str, tmp_path: Path) -> None:
    for remedy in made(MAKERS[name], nasty=True):
        if remedy.az:
            assert az.calls(sh_lines(remedy.az), tmp_path) == az.calls(remedy.az, tmp_path)
        shown = powershell_lines(remedy.powershell or "")
        assert shown.replace(" `\n  ", " ") == (remedy.powershell or "")


def test_a_long_command_is_broken_before_an_option_only() -> None:
    command = f"az one two --first 'a -b {'x' * 60}' --second \"c --d\" --third e"
    assert sh_lines(command).split("\n") == [
        "az one two \\",
        f"  --first 'a -b {'x' * 60}' \\",
        '  --second "c --d" --third e',
    ]
    assert powershell_lines("# " + "a -b " * 40).count("\n") == 0


def outside_quotes(text: str) -> str:
    """Return what of a PowerShell text stands outside single-quoted strings (about_Quoting_Rules)."""
    quotes, outside, position = "'‘’‚‛", "", 0
    while position < len(text):
        if text[position] not in quotes:
            outside += text[position]
            position += 1
            continue
        position += 1
        while text[position] not in quotes or text[position + 1 : position + 2] in tuple(quotes):
            position += 2 if text[position] in quotes else 1
        position += 1
    return outside


@pytest.mark.parametrize("text", ["", "plain", "it's", NASTY, "$HOME `id` \\", "'", "''"])
def test_sh_reads_the_very_text(text: str, tmp_path: Path) -> None:
    (words,) = az.calls(f"az show {sh(text)} {quoted(text)}", tmp_path)
    assert words[1] == text.replace("\n", "")
    assert not set("'\n‘’‚‛") & set(words[2])


def test_powershell_doubles_what_would_end_the_string() -> None:
    assert powershell("it's") == "'it''s'"
    assert powershell("‘x’") == "'‘‘x’’'"
    assert powershell("a\r\nb") == "'ab'"


def test_the_documented_roles_are_given_to_the_principal_on_the_vault(tmp_path: Path) -> None:
    target = remedies.Target(OPTIONS, PRINCIPAL, VAULT_ID)
    remedy = remedies.documented_remedy(target, Model.RBAC)
    given = [options for _, options in az.check(remedy.az or "", tmp_path)]
    assert [each.role for each in given] == ["Key Vault Certificates Officer", "Key Vault Crypto Officer"]
    assert {(each.scope, each.assignee_object_id) for each in given} == {(VAULT_ID, PRINCIPAL)}
    assert (remedy.powershell or "").count(f"  ObjectId = '{PRINCIPAL}'\n") == 2
    assert "Access control (IAM)" in remedy.portal[0]


# resource groups may be called so: letters of any language, digits, and -_.() with no full stop at the end
@pytest.mark.parametrize("group", ["rg", "Größe-(EU).v1_東京)", "(a)", "-_.-"])
def test_every_name_that_azure_allows_reaches_the_command_as_it_is(group: str, tmp_path: Path) -> None:
    vault = VAULT_ID.replace("/rg/", f"/{group}/")
    text = f"Action: 'x/read'\r\nResource: '{vault.lower()}/keys/a'\r\nAssignment: (not found)"
    error = {"error": {"code": "Forbidden", "message": text, "innererror": {"code": "ForbiddenByRbac"}}}
    assert read_refusal(403, json.dumps(error).encode(), {}).resource == vault.lower()
    target = remedies.Target(OPTIONS, PRINCIPAL, vault)
    for remedy in (
        remedies.documented_remedy(target, Model.RBAC),
        *(remedies.least_remedy(target, Model.RBAC, purpose) for purpose in Purpose),
    ):
        given = [words for _, words in az.check(sh_lines(remedy.az or ""), tmp_path)]
        assigned = [each for each in given if hasattr(each, "assignee_object_id")]
        assert {(each.scope, each.assignee_object_id) for each in assigned} == {(vault, PRINCIPAL)}
        assert vault in powershell_strings(remedy.powershell or "")


def powershell_strings(text: str) -> list[str]:
    """Return the values of the single-quoted strings of a PowerShell text, in order."""
    quotes, found, position = "'‘’‚‛", list[str](), 0
    while position < len(text):
        if text[position] in quotes:
            value, position = "", position + 1
            while text[position] not in quotes or text[position + 1 : position + 2] in tuple(quotes):
                value += text[position]
                position += 2 if text[position] in quotes else 1
            found.append(value)
        position += 1
    return found


@pytest.mark.parametrize("text", ["plain", "it's", "d’Été’", "‘’‚‛''", 'a`b$c"d', "Ltd. (GB) & Co; #1"])
def test_powershell_reads_the_very_text(text: str) -> None:
    assert powershell_strings(f"Get-It -Name {powershell(text)} -More") == [text]


def test_without_ids_the_commands_look_them_up(tmp_path: Path) -> None:
    remedy = remedies.documented_remedy(remedies.Target(OPTIONS), Model.RBAC, one("keys sign", Model.RBAC))
    calls = az.check(remedy.az or "", tmp_path)
    assert [name for name, _ in calls] == ["ad sp show", "keyvault show", "role assignment create"]
    assert calls[-1][1].scope == "VALUE"
    assert calls[-1][1].role == "Key Vault Crypto Officer"


def one(name: str, model: Model) -> list[Permission]:
    kind, _, word = name.partition(" ")
    return [each for each in permissions(model) if each.kind == kind and f"/{word}" in f"/{each.action}"]


def test_the_documented_policy_is_literally_the_documentations(tmp_path: Path) -> None:
    remedy = remedies.documented_remedy(remedies.Target(OPTIONS, PRINCIPAL), Model.POLICY)
    ((_, options),) = az.check(remedy.az or "", tmp_path)
    assert len(options.key_permissions) == 14
    assert len(options.certificate_permissions) == 14
    assert "delete" not in {*options.key_permissions, *options.certificate_permissions}
    assert options.object_id == PRINCIPAL
    assert "Cryptographic Operations: Decrypt, Encrypt" in " ".join(remedy.portal)


def test_what_is_ticked_already_is_repeated_because_the_commands_replace_a_kind(tmp_path: Path) -> None:
    target = remedies.Target(OPTIONS, PRINCIPAL, VAULT_ID, ("Purge", "wrapkey"), ("ALL",))
    remedy = remedies.least_remedy(target, Model.POLICY, Purpose.SIGN)
    ((_, options),) = az.check(remedy.az or "", tmp_path)
    assert options.key_permissions == ["purge", "wrapKey", "sign"]
    assert options.certificate_permissions == ["all"]
    assert "-PermissionsToKeys purge,wrapKey,sign" in (remedy.powershell or "")


@pytest.mark.parametrize("purpose", Purpose)
def test_the_least_role_holds_what_the_purpose_needs_and_no_more(purpose: Purpose, tmp_path: Path) -> None:
    target = remedies.Target(OPTIONS, PRINCIPAL, VAULT_ID)
    remedy = remedies.least_remedy(target, Model.RBAC, purpose)
    (_, asked), (_, made_), (_, assigned) = az.check(remedy.az or "", tmp_path)
    assert (asked.name, asked.scope) == (remedies.CUSTOM_ROLES[purpose], f"/subscriptions/{SUBSCRIPTION}")
    definition = json.loads(made_.role_definition)
    needed = {each.action for each in wanted(Model.POLICY, purpose)}
    assert set(definition["DataActions"]) == needed
    assert definition["Actions"] == definition["NotDataActions"] == []
    assert definition["AssignableScopes"] == [f"/subscriptions/{SUBSCRIPTION}"]
    assert assigned.role == definition["Name"]
    assert not any("delete" in each and "certificatecas" not in each for each in needed)


_ONE_ROLE = """#!/bin/sh
printf '%s\\n' "$1 $2 $3" >> "$HOME/log"
case "$1 $2 $3" in
  'role definition list') if [ -e "$HOME/made" ]; then echo 1; else echo 0; fi;;
  'role definition create') if [ -e "$HOME/made" ]; then exit 1; fi; : > "$HOME/made";;
esac
"""


def test_the_command_that_makes_a_role_can_be_run_twice(tmp_path: Path) -> None:
    remedy = remedies.least_remedy(remedies.Target(OPTIONS, PRINCIPAL, VAULT_ID), Model.RBAC, Purpose.SIGN)
    path, each = az.install(tmp_path, _ONE_ROLE), ["role definition list", "role assignment create"]
    for command in (remedy.az or "", sh_lines(remedy.az or "")):
        done = az.shell(command, tmp_path, path)
        assert (done.returncode, done.stderr) == (0, "")
    called = (tmp_path / "log").read_text(encoding="utf-8").split("\n")[:-1]
    assert called == [each[0], "role definition create", each[1], *each]
    # PowerShell's cmdlets refuse both a second time
    for line in (remedy.powershell or "").split("\n"):
        assert "New-Az" not in line or line.startswith("if (-not (Get-Az")


def test_an_unknown_subscription_is_a_clear_placeholder() -> None:
    remedy = remedies.least_remedy(remedies.Target(OPTIONS, PRINCIPAL), Model.RBAC, Purpose.SIGN)
    assert "/subscriptions/SUBSCRIPTION-ID" in (remedy.az or "")
    assert "SUBSCRIPTION-ID" in remedy.portal[0]


def test_remedies_name_the_documented_way_first_and_the_least_beside_it() -> None:
    target = remedies.Target(OPTIONS, PRINCIPAL, VAULT_ID)
    for model in Model:
        documented, least = remedies.grant_remedies(target, model, one("keys sign", model))
        assert documented.title.startswith("As documented")
        assert least.title.startswith("Least privilege")
    assert len(remedies.grant_remedies(target, None)) == 2


# --- From nothing: the script run twice against a stand-in that keeps what was made ---

_CLOUD = """#!{python}
import json, pathlib, sys
state = pathlib.Path("{state}")
known = json.loads(state.read_text())
words = sys.argv[1:]
known["calls"].append(words)
def value(name):
    return words[words.index(name) + 1] if name in words else ""
command = " ".join(words[: next((i for i, w in enumerate(words) if w.startswith("-")), len(words))])
answer, code = "", 0
if command == "cloud show":
    answer = known["cloud"]
elif command == "cloud set":
    known["cloud"] = value("--name")
elif command == "group exists":
    answer = "true" if known["group"] else "false"
elif command == "group create":
    known["group"] = value("--name")
elif command == "keyvault show":
    if not known["vault"]:
        code = 3
    told = {{"id": "/subscriptions/s/vault", "properties.vaultUri": "https://contoso.vault.azure.net/",
        "properties.enableRbacAuthorization": known["rbac"], "properties.sku.name": "premium"}}
    query = value("--query").strip("[]")
    answer = "\\n".join(told[each] for each in query.split(", ")) if query else ""
elif command == "keyvault create":
    known["vault"] = value("--name")
elif command == "ad app list":
    answer = known["app"]
elif command == "ad app create":
    answer = known["app"] = "{application}"
elif command == "ad sp show":
    if not known["sp"]:
        code = 3
    answer = "{principal}"
elif command == "ad sp create":
    known["sp"] = True
    answer = "{principal}"
elif command == "account show":
    answer = "{tenant}" if value("--query") else ""
elif command == "ad app credential reset":
    known["secrets"] += 1
    answer = "{secret}"
print(answer) if answer else None
state.write_text(json.dumps(known))
sys.exit(code)
"""
_TENANT = "0d9c1f3e-5a7b-4c2d-8e6f-1a2b3c4d5e6f"
_SECRET = "abc8Q~NOT.A.SECRET-aaaaaaaaaaaaaaaaaaaaaaa"


@pytest.mark.parametrize("rbac", [True, False])
def test_the_script_makes_everything_once_and_its_output_fills_the_page(tmp_path: Path, rbac: bool) -> None:
    script = setup_remedy(AzureOptions("contoso", "code-signing", "", "")).az or ""
    state = tmp_path / "state.json"
    known = {"cloud": "AzureUSGovernment", "group": "", "vault": "", "app": "", "sp": False}
    state.write_text(json.dumps({**known, "rbac": str(rbac).lower(), "secrets": 0, "calls": []}))
    program = _CLOUD.format(
        python=sys.executable,
        state=state,
        application=APPLICATION,
        principal=PRINCIPAL,
        tenant=_TENANT,
        secret=_SECRET,
    )
    path = az.install(tmp_path, program)
    outputs, made_ = [], []
    for _ in range(2):
        before = len(json.loads(state.read_text())["calls"])
        done = az.shell(script, tmp_path, path)
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
        after = json.loads(state.read_text())
        names = [az.parse(words)[0] for words in after["calls"][before:]]
        made_.append([each for each in names if each.endswith((" create", " set", "reset", "set-policy"))])
        assert not any(_SECRET in word for words in after["calls"] for word in words)
    grants = ["role assignment create"] * 2 if rbac else ["keyvault set-policy"]
    assert made_[0] == [
        "cloud set", "group create", "keyvault create", "ad app create", "ad sp create", *grants,
        "ad app credential reset",
    ]  # fmt: skip
    assert made_[1] == [*grants, "ad app credential reset"]
    found = recognise(outputs[1])
    assert found is not None
    assert found.values == {
        "application_id": APPLICATION,
        "tenant_id": _TENANT,
        "vault_name": "contoso",
        "certificate_name": "code-signing",
        "cloud": "public",
    }
    assert found.secret is not None
    assert found.secret.reveal() == _SECRET


def test_a_failing_step_ends_the_script_and_not_the_shell_it_was_pasted_into(tmp_path: Path) -> None:
    script = setup_remedy(AzureOptions("contoso", "code-signing", "", "")).az or ""
    path = az.install(tmp_path, "#!/bin/sh\ncase \"$*\" in *keyvault*) exit 1;; esac\nprintf 'x\\n'\n")
    done = az.shell(f"{script}\necho still here", tmp_path, path)
    assert done.stdout.endswith("still here\n")
    assert "appId" not in done.stdout


def test_the_script_makes_nothing_under_a_name_that_nobody_chose(tmp_path: Path) -> None:
    remedy = setup_remedy(AzureOptions("", "", "", ""))
    assert "the name <your vault's name>, pricing tier" in remedy.portal[0]
    assert "CHANGE-ME" not in "".join(remedy.portal), "a step for people names no word of a script"
    path = az.install(tmp_path, "#!/bin/sh\necho called\n")
    done = az.shell(f"{remedy.az}\necho still here", tmp_path, path)
    assert done.stdout == "still here\n"
    assert "Choose a name" in done.stderr
    assert "-eq 'CHANGE-ME') { throw" in (remedy.powershell or "")


def test_the_script_does_nothing_in_another_tenant(tmp_path: Path) -> None:
    script = setup_remedy(AzureOptions("contoso", "", "", _TENANT.upper())).az or ""
    signed_in = (
        f'case "$*" in "account show --query"*) echo {_TENANT};; login*) exit 1;; '
        "*sku*) printf '%s\\n' a b c d;; *) echo x;; esac"
    )
    path = az.install(tmp_path, f"#!/bin/sh\n{signed_in}\n")
    assert _TENANT in az.shell(script, tmp_path, path).stdout
    elsewhere = signed_in.replace(_TENANT, str(uuid.uuid4()), 1)
    path = az.install(tmp_path, f"#!/bin/sh\n{elsewhere}\n")
    done = az.shell(script, tmp_path, path)
    assert done.returncode == 1
    assert "appId" not in done.stdout


@pytest.mark.parametrize("cloud", clouds.CLOUDS)
def test_the_scripts_carry_names_in_their_quotes_only(cloud: clouds.Cloud, tmp_path: Path) -> None:
    remedy = setup_remedy(AzureOptions(NASTY, NASTY, "", NASTY, cloud))
    path = az.install(tmp_path, "#!/bin/sh\nprintf 'VALUE\\n'\n")
    az.shell(remedy.az or "", tmp_path, path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bin"]
    text = re.sub(r'(?m)^#.*$|"[^"\n]*"', "", remedy.powershell or "")
    assert "PWNED" not in outside_quotes(text)

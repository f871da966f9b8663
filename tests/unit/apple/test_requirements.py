"""Requirements: compiled, decoded, shown, evaluated; the real ones of programs that Apple's tool signed."""

from __future__ import annotations

import pytest

from codesign_wizard.core.apple import requirements, superblob
from codesign_wizard.core.apple.requirement_check import evaluate
from codesign_wizard.core.apple.requirement_language import compile_text
from codesign_wizard.core.apple.requirements import Context, Match, Op, RequirementError
from tests.support import apple_pki

# the requirements slot of Node.js 18.9.0 for macOS on arm64, signed with Apple's codesign
NODE = bytes.fromhex(
    "fade0c01000000a4000000010000000300000014fade0c0000000090000000010000000600000002000000046e6f6465"
    "000000060000000f000000060000000e000000010000000a2a864886f76364060206000000000000000000060000000e"
    "000000000000000a2a864886f7636406010d0000000000000000000b000000000000000a7375626a6563742e4f550000"
    "000000010000000a48583737333947384658"
    "0000"
)
NODE_TEXT = (
    "identifier node and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */"
    " and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and certificate leaf[subject.OU]"
    " = HX7739G8FX"
)


def test_the_default_requirement_is_the_one_of_a_real_program() -> None:
    assert requirements.requirement_set(requirements.developer_id("node", "HX7739G8FX")) == NODE


def test_a_real_requirement_is_read_and_shown_as_apple_does() -> None:
    (kind,) = parsed = requirements.parse_set(NODE)
    assert kind == requirements.DESIGNATED
    assert str(parsed[kind]) == NODE_TEXT
    assert compile_text(NODE_TEXT) == parsed[kind]
    assert compile_text("designated => " + NODE_TEXT) == parsed[kind]


LANGUAGE = [
    "always",
    "never",
    "anchor apple",
    "anchor apple generic",
    "anchor trusted",
    "notarized",
    "legacy",
    "platform = 13",
    'identifier "org.example.tool"',
    "identifier tool and (anchor apple or ! notarized)",
    "! (anchor apple and notarized)",
    'cdhash H"0123456789abcdef0123456789abcdef01234567"',
    'certificate leaf = H"0123456789abcdef0123456789abcdef01234567"',
    "certificate root trusted",
    "certificate leaf[subject.CN] = *Test*",
    'certificate leaf[subject.CN] = "Developer ID"*',
    'certificate leaf[subject.CN] = *"(X)"',
    "certificate 1[policy.1.2.840.113635.100.5.1] /* exists */",
    'certificate leaf[timestamp.1.2.840.113635.100.6.1.33] >= timestamp "20190408000000Z"',
    'info[CFBundleVersion] >= "17.4"',
    'entitlement["com.apple.security.app-sandbox"] absent',
    'anchor apple "named"',
]


@pytest.mark.parametrize("source", LANGUAGE)
def test_the_language_is_compiled_and_shown_alike(source: str) -> None:
    expression = compile_text(source)
    assert requirements.decode(requirements.encode(expression)) == expression
    assert str(expression) == source


@pytest.mark.parametrize(
    "source",
    [
        "",
        "and",
        "identifier",
        "(always",
        "always)",
        "certificate leaf[field.x]",
        'cdhash H"123"',
        "platform = x",
        "(" * 100 + "always",
        "certificate leaf[subject.CN] < timestamp now",
        "always always",
        "x" * 20000,
    ],
)
def test_what_is_not_the_language_is_refused(source: str) -> None:
    with pytest.raises(RequirementError):
        compile_text(source)


def context(**changes: object) -> Context:
    chain = [
        apple_pki.leaf("application").certificate,
        apple_pki.authority().certificate,
        apple_pki.root().certificate,
    ]
    values: dict[str, object] = {"identifier": "org.example.tool", "chain": chain, "apple": True}
    return Context(**(values | changes))  # type: ignore[arg-type]  # as above


def leaf_hash() -> str:
    from cryptography.hazmat.primitives import hashes

    return apple_pki.leaf("application").certificate.fingerprint(hashes.SHA1()).hex()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('identifier "org.example.tool"', True),
        ('identifier "org.example.other"', False),
        ("anchor apple generic", True),
        ("anchor apple", False),
        ("certificate 1[field.1.2.840.113635.100.6.2.6] exists", True),
        ("certificate 1[field.1.2.840.113635.100.6.2.7] exists", False),
        ("certificate leaf[field.1.2.840.113635.100.6.1.13]", True),
        ("certificate leaf[field.1.2.840.113635.100.6.1.14]", False),
        ("certificate leaf[field.1.2.840.113635.100.6.1.14] absent", True),
        ("certificate 7[subject.OU] exists", False),
        ("certificate leaf[subject.OU] = ABCDE12345", True),
        ("certificate leaf[subject.OU] = ABCDE12346", False),
        ('certificate leaf[subject.CN] = "Developer ID Application"*', True),
        ('certificate leaf[subject.CN] = *"(ABCDE12345)"', True),
        ('certificate root[subject.CN] = "Test Apple Root CA"', True),
        ('certificate leaf[subject.CN] = *"Installer"*', False),
        ("notarized", False),
        ("! notarized and always", True),
        ("never or always", True),
        ('info[CFBundleVersion] >= "1.9"', True),
        ('info[CFBundleVersion] < "1.9"', False),
        ("info[Missing] exists", False),
        ("entitlement[jit] exists", True),
        ("entitlement[off] exists", False),
        ('cdhash H"0102"', True),
    ],
)
def test_a_requirement_is_evaluated(source: str, expected: bool) -> None:
    asked = context(
        info={"CFBundleVersion": "1.10"}, entitlements={"jit": True, "off": False}, cdhashes=[b"\1\2"]
    )
    assert evaluate(compile_text(source), asked) is expected


def test_the_leaf_is_known_by_its_hash() -> None:
    assert evaluate(compile_text(f'certificate leaf = H"{leaf_hash()}"'), context())
    assert not evaluate(compile_text(f'certificate 1 = H"{leaf_hash()}"'), context())
    expression = requirements.self_reference("org.example.tool", apple_pki.leaf("application").certificate)
    assert evaluate(expression, context(apple=False))
    assert expression.operands[1].op is Op.ANCHOR_HASH


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(3),
        b"\0\0\0\x06" * 200,
        bytes.fromhex("00000063"),
        bytes.fromhex("00000002ffffffff"),
        bytes.fromhex("0000000100000001"),
        bytes.fromhex("0000000a0000000161000000000000ff"),
        bytes.fromhex("00000012" + "00000000" + "0000000000000001"),
    ],
)
def test_a_damaged_requirement_is_refused(data: bytes) -> None:
    with pytest.raises(RequirementError):
        requirements.decode(data)


def test_a_requirement_of_another_kind_is_refused() -> None:
    with pytest.raises(superblob.BlobError):
        requirements.parse_blob(superblob.blob(superblob.MAGIC_REQUIREMENT, b"\0\0\0\2\0\0\0\1"))


def test_a_date_outside_the_calendar_is_refused() -> None:
    data = bytes.fromhex("000000160000000000000001610000000000000a7fffffffffffffff")
    with pytest.raises(RequirementError, match="time that does not exist"):
        requirements.decode(data)
    assert Match(10) is Match.BEFORE

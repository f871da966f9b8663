"""The sample installers are sound programs, by other programs' reading, and say what they are."""

from __future__ import annotations

import random
import re
import struct
import subprocess
import zipfile
from pathlib import Path

import capstone
import lief
import pefile
import pytest

from codesign_wizard.core.errors import Cancelled, InputError
from codesign_wizard.core.job import Job
from codesign_wizard.core.sample import ARCHITECTURES, PRODUCT_NAME_LIMIT, build_sample, zip_single
from tests.support import judges

PRODUCT = "Bäckup 备份"
MACHINES = {"x64": 0x8664, "x86": 0x014C, "arm64": 0xAA64}
NAMES = ["Backup", PRODUCT, "Ωmega – «Софт»", "نسخ احتياطي", "🔒 Safe", "x" * PRODUCT_NAME_LIMIT]


def strings_at(image: pefile.PE, rva: int) -> str:
    """Read a zero-ended UTF-16 string."""
    data = image.get_memory_mapped_image()
    end = rva
    while data[end : end + 2] != b"\0\0":
        end += 2
    return bytes(data[rva:end]).decode("utf-16-le")


def instructions(architecture: str, code: bytes, address: int) -> list[capstone.CsInsn]:
    arch, mode = {
        "x64": (capstone.CS_ARCH_X86, capstone.CS_MODE_64),
        "x86": (capstone.CS_ARCH_X86, capstone.CS_MODE_32),
        "arm64": (capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM),
    }[architecture]
    engine = capstone.Cs(arch, mode)
    engine.detail = True
    return list(engine.disasm(code, address))


def code_of(image: pefile.PE) -> tuple[bytes, int]:
    text = image.sections[0]
    assert text.Name.rstrip(b"\0") == b".text"
    return text.get_data()[: text.Misc_VirtualSize], image.OPTIONAL_HEADER.ImageBase + text.VirtualAddress


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_pefile_reads_a_clean_program_for_the_processor(architecture: str) -> None:
    image = pefile.PE(data=build_sample(PRODUCT, architecture))
    optional = image.OPTIONAL_HEADER
    # the accent colour's bytes are the only thing it remarks on
    assert [warning for warning in image.get_warnings() if not warning.startswith("Byte 0x")] == []
    assert image.FILE_HEADER.Machine == MACHINES[architecture]
    assert optional.Magic == (0x10B if architecture == "x86" else 0x20B)
    assert optional.Subsystem == pefile.SUBSYSTEM_TYPE["IMAGE_SUBSYSTEM_WINDOWS_GUI"]
    assert optional.IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE
    assert optional.IMAGE_DLLCHARACTERISTICS_NX_COMPAT
    assert bool(optional.IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA) == (architecture != "x86")
    assert not optional.IMAGE_DLLCHARACTERISTICS_GUARD_CF
    assert {
        entry.dll: [function.name for function in entry.imports] for entry in image.DIRECTORY_ENTRY_IMPORT
    } == {
        b"KERNEL32.dll": [b"ExitProcess"],
        b"USER32.dll": [b"MessageBoxW"],
    }
    security = optional.DATA_DIRECTORY[pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_SECURITY"]]
    assert security.Size == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_checksum_is_right_and_every_section_fits(architecture: str, name: str) -> None:
    data = build_sample(name, architecture)
    # fast_load: otherwise pefile writes its own reading of the strings back, and loses what is beyond U+FFFF
    image = pefile.PE(data=data, fast_load=True)
    assert image.verify_checksum()
    end = image.OPTIONAL_HEADER.SizeOfHeaders
    address = 0
    for section in image.sections:
        assert section.PointerToRawData == end
        assert section.VirtualAddress % 0x1000 == 0
        assert section.VirtualAddress >= address
        end += section.SizeOfRawData
        address = section.VirtualAddress + section.Misc_VirtualSize
    assert end == len(data)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_code_shows_the_message_box_and_ends_with_0(architecture: str) -> None:
    image = pefile.PE(data=build_sample(PRODUCT, architecture))
    base = image.OPTIONAL_HEADER.ImageBase
    code, address = code_of(image)
    decoded = instructions(architecture, code, address)
    assert sum(instruction.size for instruction in decoded) == len(code), "every byte is an instruction"
    slots = {
        function.name: function.address
        for entry in image.DIRECTORY_ENTRY_IMPORT
        for function in entry.imports
    }
    called, text, caption = _follow(architecture, decoded)
    assert called == [slots[b"MessageBoxW"], slots[b"ExitProcess"]]
    assert strings_at(image, caption - base) == f"{PRODUCT} sample installer"
    shown = strings_at(image, text - base)
    assert PRODUCT in shown
    assert "installs nothing" in shown
    assert "Codesign Wizard's trial" in shown
    assert image.OPTIONAL_HEADER.AddressOfEntryPoint == address - base


def _follow(architecture: str, code: list[capstone.CsInsn]) -> tuple[list[int], int, int]:
    """Work out which slots are called and with which text and caption, from decoded instructions alone."""
    if architecture == "x86":
        text_form = [f"{one.mnemonic} {one.op_str}" for one in code]
        pushed = [one.operands[0].imm for one in code if one.mnemonic == "push"]
        called = [one.operands[0].mem.disp for one in code if one.mnemonic == "call"]
        assert pushed[0] == 0x40
        assert pushed[3:] == [0, 0]  # no owner window; exit code 0
        assert text_form[-1] == "int3 "
        return called, pushed[2], pushed[1]
    if architecture == "x64":
        leas = {
            one.reg_name(one.operands[0].reg): one.address + one.size + one.operands[1].mem.disp
            for one in code
            if one.mnemonic == "lea"
        }
        called = [one.address + one.size + one.operands[0].mem.disp for one in code if one.mnemonic == "call"]
        forms = [f"{one.mnemonic} {one.op_str}" for one in code]
        assert forms[0] == "sub rsp, 0x28"
        assert "mov r9d, 0x40" in forms
        assert forms.count("xor ecx, ecx") == 2
        return called, leas["rdx"], leas["r8"]
    registers: dict[str, int] = {}
    called = []
    for one in code:
        names = [
            one.reg_name(operand.reg)
            for operand in one.operands
            if operand.type == capstone.arm64.ARM64_OP_REG
        ]
        if one.mnemonic == "adrp":
            registers[names[0]] = one.operands[1].imm
        elif one.mnemonic == "add":
            registers[names[0]] = registers[names[1]] + one.operands[2].imm
        elif one.mnemonic == "ldr":
            registers[names[0]] = registers["x8"] + one.operands[1].mem.disp
        elif one.mnemonic in ("mov", "movz"):
            if one.operands[1].type == capstone.arm64.ARM64_OP_IMM:
                registers[names[0]] = one.operands[1].imm
        elif one.mnemonic == "blr":
            called.append(registers[names[0]])
            assert registers["x0" if len(called) == 1 else "w0"] == 0
    assert registers["w3"] == 0x40
    return called, registers["x1"], registers["x2"]


def test_x86_is_relocated_where_its_code_holds_addresses_and_only_there() -> None:
    image = pefile.PE(data=build_sample(PRODUCT, "x86"))
    entries = [entry for block in image.DIRECTORY_ENTRY_BASERELOC for entry in block.entries if entry.type]
    code, address = code_of(image)
    base = image.OPTIONAL_HEADER.ImageBase
    held = {
        address - base + offset
        for offset in range(len(code) - 3)
        if base <= struct.unpack_from("<I", code, offset)[0] < base + image.OPTIONAL_HEADER.SizeOfImage
    }
    assert {entry.rva for entry in entries} == held
    assert len(held) == 4


@pytest.mark.parametrize("architecture", ["x64", "arm64"])
def test_64_bit_code_needs_no_relocation(architecture: str) -> None:
    image = pefile.PE(data=build_sample(PRODUCT, architecture))
    code, _ = code_of(image)
    assert not hasattr(image, "DIRECTORY_ENTRY_BASERELOC")
    assert not image.FILE_HEADER.IMAGE_FILE_RELOCS_STRIPPED
    assert struct.pack("<I", image.OPTIONAL_HEADER.ImageBase >> 16) not in code


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_lief_reads_version_icons_and_manifest(architecture: str) -> None:
    image = lief.PE.parse(
        list(build_sample(PRODUCT, architecture, version="3.14.15.9", company="Example Ltd"))
    )
    assert isinstance(image, lief.PE.Binary)
    resources = image.resources_manager
    assert isinstance(resources, lief.PE.ResourcesManager)
    assert [(icon.width, icon.height, icon.bit_count) for icon in resources.icons] == [
        (16, 16, 32),
        (32, 32, 32),
        (48, 48, 32),
    ]
    manifest = str(resources.manifest)
    assert 'requestedExecutionLevel level="asInvoker"' in manifest
    assert "dpiAware" in manifest
    assert "supportedOS" in manifest
    [version] = resources.version
    table = {entry.key: entry.value for entry in version.string_file_info.children[0].entries}
    assert table["ProductName"] == PRODUCT
    assert table["CompanyName"] == "Example Ltd"
    assert table["FileVersion"] == table["ProductVersion"] == "3.14.15.9"
    assert table["OriginalFilename"] == "sample-setup.exe"
    assert PRODUCT in table["FileDescription"]
    fixed = version.file_info
    assert (fixed.file_version_ms, fixed.file_version_ls) == (3 << 16 | 14, 15 << 16 | 9)


@pytest.mark.parametrize("name", NAMES)
def test_7z_shows_the_name_in_any_script(name: str, tmp_path: Path) -> None:
    exe = tmp_path / "sample.exe"
    exe.write_bytes(build_sample(name, "x64"))
    command = [judges.program("7z"), "e", "-so", str(exe), ".rsrc/version.txt"]
    answer = subprocess.run(command, capture_output=True, check=True, timeout=60)
    text = answer.stdout.decode("utf-16")
    assert re.search(rf'VALUE "ProductName", +"{re.escape(name)}"', text), text


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_same_request_gives_the_same_bytes(architecture: str) -> None:
    assert build_sample(PRODUCT, architecture) == build_sample(PRODUCT, architecture)
    assert build_sample(PRODUCT, architecture) != build_sample(PRODUCT, architecture, version="1.0.0.1")


def test_composed_and_decomposed_names_are_the_same_name() -> None:
    assert build_sample("Ba\u0308ckup", "x64") == build_sample(" B\u00e4ckup ", "x64")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "a\nb",
        "a\0b",
        "a\u2028b",
        "\ud800",
        "x" * (PRODUCT_NAME_LIMIT + 1),
        "🔒" * (PRODUCT_NAME_LIMIT // 2 + 1),
    ],
)
def test_a_name_that_cannot_be_shown_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(InputError) as error:
        build_sample(name, "x64")
    assert error.value.finding.id == "windows.sample.product-name"
    assert error.value.finding.detail


@pytest.mark.parametrize("version", ["", "1.2.3.4.5", "1.65536", "a", "1..2", "-1", "1.2 "])
def test_a_version_that_windows_could_not_hold_is_refused(version: str) -> None:
    with pytest.raises(InputError) as error:
        build_sample("Backup", "x64", version=version)
    assert error.value.finding.id == "windows.sample.version"


def test_short_versions_are_filled_with_zeros() -> None:
    assert build_sample("Backup", "x64", version="2.1") == build_sample("Backup", "x64", version="2.1.0.0")


def test_an_unknown_architecture_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="mips"):
        build_sample("Backup", "mips")


def test_the_servers_zip_holds_the_one_file_and_7z_agrees(tmp_path: Path) -> None:
    exe = tmp_path / "setup.exe"
    exe.write_bytes(build_sample(PRODUCT, "x64") + random.Random(3).randbytes(3 << 20))
    target = tmp_path / "client.zip"
    zip_single("Bäckup-setup.exe", exe, target)
    with zipfile.ZipFile(target) as archive:
        assert archive.namelist() == ["Bäckup-setup.exe"]
        assert archive.testzip() is None
        assert archive.read("Bäckup-setup.exe") == exe.read_bytes()
    answer = subprocess.run(
        [judges.program("7z"), "t", str(target)], capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == 0, answer.stdout
    first = target.read_bytes()
    zip_single("Bäckup-setup.exe", exe, target)
    assert target.read_bytes() == first


def test_a_cancelled_zip_leaves_what_was_there(tmp_path: Path) -> None:
    exe = tmp_path / "setup.exe"
    exe.write_bytes(bytes(1 << 16))
    target = tmp_path / "client.zip"
    target.write_bytes(b"before")
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        zip_single("setup.exe", exe, target, job=job)
    assert target.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["client.zip", "setup.exe"]


@pytest.mark.parametrize("name", ["", "../setup.exe", "a/setup.exe", "a\\setup.exe"])
def test_a_name_with_a_folder_does_not_get_into_a_zip(name: str, tmp_path: Path) -> None:
    exe = tmp_path / "setup.exe"
    exe.write_bytes(b"MZ")
    with pytest.raises(ValueError, match="plain file name"):
        zip_single(name, exe, tmp_path / "client.zip")

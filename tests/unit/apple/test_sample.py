"""The macOS sample: the same bytes every time, programs that other readers take for programs, right names."""

from __future__ import annotations

import ctypes
import hashlib
import io
import platform
import plistlib
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from types import ModuleType

import pytest

from codesign_wizard.core.apple import cpio
from codesign_wizard.core.apple.package import Package
from codesign_wizard.core.apple.sample import build_sample, bundle_identifier, file_name, sample_plan
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.job import Job
from codesign_wizard.core.samples import icns, macho
from tests.support import judges


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.pkg"
    build_sample(Job(), "Acme Bäckup", path, version="2.1")
    return path


def files(path: Path) -> dict[str, tuple[cpio.Entry, bytes]]:
    with Package(path) as opened:
        entry = opened.entry(opened.components[0], "Payload")
        assert entry is not None
        with opened.unpacked(entry) as stream:
            reader = cpio.Reader(stream)
            return {each.path: (each, b"".join(reader.chunks())) for each in reader}


def parser() -> ModuleType:
    try:
        import lief
    except ImportError:
        judges.missing("lief")
        raise
    module: ModuleType = lief
    return module


def slices(data: bytes) -> list[bytes]:
    found = []
    for number in range(struct.unpack_from(">I", data, 4)[0]):
        _, _, offset, size, alignment = struct.unpack_from(">IIIII", data, 8 + 20 * number)
        assert offset % (1 << alignment) == 0
        found.append(data[offset : offset + size])
    return found


def test_equal_input_gives_equal_bytes(sample: Path, tmp_path: Path) -> None:
    build_sample(Job(), "Acme Bäckup", tmp_path / "again.pkg", version="2.1")
    data = (tmp_path / "again.pkg").read_bytes()
    assert data == sample.read_bytes()
    # fixed: whoever changes the recipe sees that the sample changed
    assert hashlib.sha256(data).hexdigest()[:16] == "c0189a47fde440d7"
    assert len(data) < 400_000


def test_the_bundle_is_complete(sample: Path) -> None:
    found = files(sample)
    top = "Acme Bäckup.app/Contents"
    info = plistlib.loads(found[f"{top}/Info.plist"][1])
    assert info["CFBundleName"] == info["CFBundleDisplayName"] == "Acme Bäckup"
    assert info["CFBundleIdentifier"] == "codesign-wizard.sample.acme-backup"
    assert info["CFBundleShortVersionString"] == "2.1"
    for path in (f"MacOS/{info['CFBundleExecutable']}", f"Resources/{info['CFBundleIconFile']}.icns"):
        assert f"{top}/{path}" in found
    framework = f"{top}/Frameworks/Sample.framework"
    assert found[f"{framework}/Versions/Current"][0].link == "A"
    assert found[f"{framework}/Sample"][0].link == "Versions/Current/Sample"
    assert f"{framework}/Versions/A/Sample" in found
    for entry, _ in found.values():
        assert (entry.uid, entry.gid, entry.mtime) == (0, 80, 1_577_836_800)
    with Package(sample) as opened:
        assert opened.components[0].install_location == "/Applications"
        assert opened.distribution is not None
        assert opened.distribution.value("title") == "Acme Bäckup"


def test_the_icon_is_a_picture() -> None:
    data = icns.family()
    assert struct.unpack(">4sI", data[:8]) == (b"icns", len(data))
    place = 8
    sizes = []
    while place < len(data):
        _, length = struct.unpack_from(">4sI", data, place)
        picture = data[place + 8 : place + length]
        assert picture.startswith(b"\x89PNG")
        sizes.append(struct.unpack_from(">II", picture, 16))
        place += length
    assert sizes == [(16, 16), (32, 32), (128, 128)]


def name_area(product: str) -> list[str]:
    """The lower part of the largest picture, a line of text a row, as another program's inflate gives it."""
    picture = icns.png(128, product)
    start = picture.index(b"IDAT")
    (length,) = struct.unpack_from(">I", picture, start - 4)
    rows = zlib.decompress(picture[start + 4 : start + 4 + length])
    lines = [rows[y * (1 + 512) + 1 : (y + 1) * (1 + 512)] for y in range(80, 124)]
    return [
        "".join("#" if line[x : x + 4] == b"\xff" * 4 else "." for x in range(0, 512, 4)) for line in lines
    ]


def test_the_icon_carries_the_products_name() -> None:
    lower = name_area("L-I")
    drawn = [line.strip(".") for line in lower if "#" in line]
    # dots of three pixels: a stem and a foot, a dash, a stem between two bars
    assert len(drawn) == 7 * 3
    assert drawn[-1].startswith("#" * 15)
    assert "#" * 15 in drawn[3 * 3]
    assert drawn[0].startswith("###")
    assert drawn[0].endswith("#" * 9)


def test_a_name_without_letters_here_leaves_the_icon_as_it_is() -> None:
    assert icns.family("データ") == icns.family() != icns.family("Data")
    assert icns.png(128, "Bäckup") == icns.png(128, "Backup")


def test_a_long_name_stays_within_the_icon() -> None:
    lower = name_area("An exceedingly long name for a product, and then some more of it".replace(",", ""))
    assert any("#" in line for line in lower)
    assert all(line[:8] + line[-8:] == "." * 16 for line in lower)


@pytest.mark.parametrize("path", ["MacOS/sample", "Helpers/sample-helper"])
def test_the_programs_print_and_end(sample: Path, path: str) -> None:
    lief = parser()
    data = files(sample)[f"Acme Bäckup.app/Contents/{path}"][1]
    images = slices(data)
    assert len(images) == 2
    for image, processor in zip(images, ("X86_64", "ARM64"), strict=True):
        binary = lief.MachO.parse(list(image)).at(0)
        assert lief.MachO.check_layout(binary) == (True, "")
        assert binary.header.cpu_type.name == processor
        assert [binding.symbol.name for binding in binary.bindings] == ["_puts"]
        assert [library.name for library in binary.libraries] == ["/usr/lib/libSystem.B.dylib"]
        got, text = binary.get_section("__got"), binary.get_section("__text")
        assert next(iter(binary.bindings)).address == got.virtual_address
        assert binary.entrypoint == text.virtual_address
        words = bytes(binary.get_section("__cstring").content)
        assert b"Acme B\xc3\xa4ckup sample" in words
        # room for the load command that signing adds
        assert text.offset - 32 - binary.header.sizeof_cmds >= 16


def disassembled(data: bytes, address: int, arm: bool) -> list[tuple[str, str]]:
    try:
        import capstone
    except ImportError:
        judges.missing("capstone")
        raise
    machine = (
        (capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM) if arm else (capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    )
    return [(each.mnemonic, each.op_str) for each in capstone.Cs(*machine).disasm(data, address)]


def test_the_code_is_what_its_comments_say() -> None:
    intel = macho._print(macho.INTEL, 0x1000, 0x1234, 0x2000)
    assert disassembled(intel, 0x1000, arm=False) == [
        ("push", "rbp"),
        ("mov", "rbp, rsp"),
        ("lea", f"rdi, [rip + {0x1234 - 0x100B:#x}]"),
        ("call", f"qword ptr [rip + {0x2000 - 0x1011:#x}]"),
        ("xor", "eax, eax"),
        ("pop", "rbp"),
        ("ret", ""),
    ]
    arm = macho._print(macho.ARM, 0x1000, 0x5678, 0x12340)
    assert disassembled(arm, 0x1000, arm=True) == [
        ("stp", "x29, x30, [sp, #-0x10]!"),
        ("mov", "x29, sp"),
        ("adrp", "x0, #0x5000"),
        ("add", "x0, x0, #0x678"),
        ("adrp", "x8, #0x12000"),
        ("ldr", "x8, [x8, #0x340]"),
        ("blr", "x8"),
        ("mov", "w0, #0"),
        ("ldp", "x29, x30, [sp], #0x10"),
        ("ret", ""),
    ]
    assert disassembled(macho._return(macho.INTEL, 7), 0, arm=False) == [("mov", "eax, 7"), ("ret", "")]
    assert disassembled(macho._return(macho.ARM, 7), 0, arm=True) == [("mov", "w0, #7"), ("ret", "")]


RUNNER = """
import ctypes, mmap, sys
image, start, page = open(sys.argv[1], "rb").read(), int(sys.argv[2]), int(sys.argv[3])
room = mmap.mmap(-1, 4 * page, prot=7)
room.write(image[: 2 * page])
libc = ctypes.CDLL(None)
puts = ctypes.cast(libc.puts, ctypes.c_void_p).value
room[page : page + 8] = puts.to_bytes(8, "little")
base = ctypes.addressof(ctypes.c_char.from_buffer(room))
code = ctypes.CFUNCTYPE(ctypes.c_int)(base + start)()
libc.fflush(None)
sys.exit(code)
"""


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="runs the program's own code where the processor and the calling convention are the same",
)
def test_the_code_runs(tmp_path: Path) -> None:
    machine = macho.INTEL if platform.machine() == "x86_64" else macho.ARM
    image = macho.executable(machine, "Hello from the sample, ü")
    place = image.index(struct.pack("<II", 0x80000028, 24)) + 8
    (start,) = struct.unpack_from("<Q", image, place)
    (tmp_path / "image").write_bytes(image)
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, tmp_path / "image", str(start), str(machine.page)],
        capture_output=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.decode() == "Hello from the sample, ü\n"
    assert ctypes.sizeof(ctypes.c_void_p) == 8


def test_the_library_exports_its_function() -> None:
    lief = parser()
    for image in slices(macho.framework("@rpath/S.framework/S", "sample_number", 1)):
        binary = lief.MachO.parse(list(image)).at(0)
        assert lief.MachO.check_layout(binary) == (True, "")
        assert [(each.symbol.name, each.address) for each in binary.dyld_info.exports] == [
            ("_sample_number", binary.get_section("__text").virtual_address)
        ]
        assert binary.libraries[0].name == "@rpath/S.framework/S"


def test_every_build_has_an_identifier_of_its_own() -> None:
    first, second = (macho.executable(macho.INTEL, text) for text in ("a", "b"))
    command = struct.pack("<II", 0x1B, 24)
    identifiers = [image[image.index(command) + 8 :][:16] for image in (first, second, first)]
    assert identifiers[0] == identifiers[2] != identifiers[1]
    with pytest.raises(ValueError, match="room"):
        macho.executable(macho.INTEL, "x" * 4000)


def test_names_are_made_fit() -> None:
    assert file_name("A/B: C\\D") == "A-B- C-D"
    assert file_name("...") == "Sample"
    assert len(file_name("漢" * 100).encode()) <= 200
    assert bundle_identifier("漢字") == "codesign-wizard.sample.product"
    assert bundle_identifier("Ácme & Sons!") == "codesign-wizard.sample.acme-sons"
    assert sample_plan("漢" * 100).title == "漢" * 100


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101])
def test_names_that_do_not_fit_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        build_sample(Job(), name, tmp_path / "a.pkg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", ["", "1.x", "1.2.3.4", "-1"])
def test_versions_that_do_not_fit_are_refused(version: str) -> None:
    with pytest.raises(InputError):
        sample_plan("Acme", version=version)


def test_the_tree_in_memory_is_readable() -> None:
    tree = sample_plan("Acme").components[0].tree
    with tree.open("Acme.app/Contents/PkgInfo") as file:
        assert isinstance(file, io.BytesIO)
        assert file.read() == b"APPL????"

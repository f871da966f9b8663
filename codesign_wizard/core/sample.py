"""Sample installers for Windows: small programs with the partner's product name that say what they are.

A sample shows one message box and ends with exit code 0. It installs nothing. The words in it are English
whatever the language of the person, so that the same request always gives the same bytes.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from pathlib import Path

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import replacing
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.job import Job, JobContext
from codesign_wizard.core.samples import image, resources
from codesign_wizard.core.samples.code import ASSEMBLERS, Addresses
from codesign_wizard.core.text import tr

ARCHITECTURES = ("x64", "x86", "arm64")
PRODUCT_NAME_LIMIT = 100  # UTF-16 code units, so that every string stays well inside its 16-bit length

_CHUNK = 1 << 20
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that the format knows: bytes do not change with the clock
_VERSION = re.compile(r"\d{1,5}(\.\d{1,5}){0,3}")

BAD_NAME = FindingKind(
    "windows.sample.product-name",
    Severity.ERROR,
    "The product name cannot be put into the sample installer.",
    "The product name is empty, longer than a version resource should hold, or has control characters.",
)
BAD_VERSION = FindingKind(
    "windows.sample.version",
    Severity.ERROR,
    "{version} is not a Windows file version.",
    "A file version is up to four numbers between 0 and 65535 with dots between them.",
)


def build_sample(
    product_name: str, architecture: str, *, version: str = "1.0.0.0", company: str = ""
) -> bytes:
    """Return an unsigned PE program for *architecture* (``x64``, ``x86``, ``arm64``).

    Equal calls give equal bytes. *version* is up to four numbers; without *company* the product's name
    stands in for it. Raises ``InputError`` for a name or version that cannot be used, ``ValueError`` for an
    unknown architecture.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(f"unknown architecture: {architecture}")
    product = _checked(product_name)
    publisher = _checked(company) if company else product
    numbers = _version(version)
    machine = image.MACHINES[architecture]

    code_at, data_at = image.SECTION_ALIGNMENT, 2 * image.SECTION_ALIGNMENT
    imports = image.imports(
        {"KERNEL32.dll": ["ExitProcess"], "USER32.dll": ["MessageBoxW"]}, data_at, machine.pointer
    )
    caption = f"{product} sample installer"
    text = (
        f"This is the {product} sample installer. It was made and signed by Codesign Wizard's trial, "
        "to prove that signing works.\n\nIt installs nothing and changes nothing."
    )
    data = bytearray(imports.data)
    caption_at = data_at + _append(data, caption)
    text_at = data_at + _append(data, text)
    code = ASSEMBLERS[architecture](
        Addresses(
            code=code_at,
            image_base=machine.image_base,
            text=text_at,
            caption=caption_at,
            message_box=imports.slots["MessageBoxW"],
            exit_process=imports.slots["ExitProcess"],
        )
    )
    info = resources.VersionInfo(
        version=numbers,
        strings={
            "Comments": "Made by Codesign Wizard's trial, to prove that signing works",
            "CompanyName": publisher,
            "FileDescription": f"{product} sample installer (installs nothing)",
            "FileVersion": ".".join(map(str, numbers)),
            "InternalName": "sample-setup",
            "OriginalFilename": "sample-setup.exe",
            "ProductName": product,
            "ProductVersion": ".".join(map(str, numbers)),
        },
    )
    resources_at = image.align(data_at + len(data), image.SECTION_ALIGNMENT)
    resource_data = resources.section(info, resources_at)
    sections = [
        image.Section(".text", code_at, code.instructions, image.CODE),
        image.Section(".rdata", data_at, bytes(data), image.READ_ONLY),
        image.Section(".rsrc", resources_at, resource_data, image.READ_ONLY),
    ]
    directories = {
        image.IMPORT: (imports.descriptors, 60),
        image.RESOURCE: (resources_at, len(resource_data)),
        image.IMPORT_ADDRESSES: (imports.addresses_at, imports.addresses_size),
    }
    if code.absolute:
        relocations = image.relocations([code_at + offset for offset in code.absolute])
        relocations_at = image.align(resources_at + len(resource_data), image.SECTION_ALIGNMENT)
        sections.append(image.Section(".reloc", relocations_at, relocations, image.DISCARDABLE))
        directories[image.BASE_RELOCATION] = (relocations_at, len(relocations))
    return image.executable(machine, sections, code_at, directories)


def zip_single(exe_name: str, exe_path: Path, target: Path, *, job: JobContext | None = None) -> None:
    """Write *target*, a zip with the one file *exe_path* named *exe_name*, as the server delivers it.

    Streamed, so memory does not grow with the file; equal input gives equal bytes with the same zlib. The
    target appears whole or not at all. Raises ``OSError``, ``Cancelled``, ``ValueError`` for a name with a
    folder in it.
    """
    if not exe_name or exe_name != Path(exe_name).name or "\\" in exe_name:
        raise ValueError(f"not a plain file name: {exe_name!r}")
    job = job or Job()
    size = exe_path.stat().st_size
    entry = zipfile.ZipInfo(exe_name, _ZIP_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 0  # as Windows writes it: otherwise it differs by where it was made
    entry.external_attr = 0x20  # FILE_ATTRIBUTE_ARCHIVE
    entry.file_size = size  # lets the writer choose zip64 where the size needs it
    with (
        replacing(target) as draft,
        exe_path.open("rb") as source,
        zipfile.ZipFile(draft, "w") as archive,
        archive.open(entry, "w") as packed,
    ):
        done = 0
        while chunk := source.read(_CHUNK):
            packed.write(chunk)
            done += len(chunk)
            job.progress(done, size)


def _append(data: bytearray, text: str) -> int:
    """Add *text* as a zero-ended UTF-16 string at a multiple of eight; return its offset."""
    data += bytes(-len(data) % 8)
    offset = len(data)
    data += text.encode("utf-16-le") + b"\0\0"
    return offset


def clean_name(name: str) -> tuple[str, str]:
    """Return a product's name as samples carry it, and "" or what is wrong with it, for a person."""
    cleaned = unicodedata.normalize("NFC", name.strip())
    wrong = ""
    if not cleaned:
        wrong = tr("It is empty. Give the product's name as customers know it.")
    elif any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in cleaned):
        wrong = tr("It has a control character or a line break in it. Type it again by hand.")
    elif len(cleaned.encode("utf-16-le")) // 2 > PRODUCT_NAME_LIMIT:
        wrong = tr("It is longer than {limit} characters. Use a shorter one.").format(
            limit=PRODUCT_NAME_LIMIT
        )
    return cleaned, wrong


def _checked(name: str) -> str:
    cleaned, wrong = clean_name(name)
    if wrong:
        raise InputError(BAD_NAME(detail=wrong))
    return cleaned


def _version(text: str) -> tuple[int, int, int, int]:
    numbers = [int(part) for part in text.split(".")] if _VERSION.fullmatch(text) else []
    if not numbers or max(numbers) > 0xFFFF:
        raise InputError(
            BAD_VERSION(
                version=text,
                detail=tr(
                    "Give up to four numbers between 0 and 65535 with dots between them, such as 1.2.0.0."
                ),
            )
        )
    first, second, third, fourth = (*numbers, 0, 0, 0)[:4]
    return first, second, third, fourth

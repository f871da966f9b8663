"""Sample packages for macOS: a small program in a bundle, in a component package, in a product archive.

The program prints one sentence and ends; a helper tool and a framework are there so that nested code is
signed too. It changes nothing. The words in it are English whatever the language of the person, nothing in
the package is compressed and every time in it is fixed: equal input gives equal bytes on every system. The
programs are not signed, which is what a trial does with them.
"""

from __future__ import annotations

import plistlib
import re
import tempfile
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from codesign_wizard.core.apple import package_build, xar_write
from codesign_wizard.core.apple.cpio import Entry
from codesign_wizard.core.apple.package_build import Bundle, ComponentPlan, ProductPlan
from codesign_wizard.core.apple.tree import Tree
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import replacing
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.sample import clean_name
from codesign_wizard.core.samples import icns, macho
from codesign_wizard.core.text import tr

# the format of every date in it counts from 1970; this one is past what old tools take for "no date"
TIME = datetime(2020, 1, 1, tzinfo=UTC)
MINIMUM_OS = "11.0"
_ADMIN = 80  # the group of /Applications
_FOLDER, _PROGRAM, _FILE, _LINK = 0o40755, 0o100755, 0o100644, 0o120755
_NAME_LIMIT = 200  # bytes, well below the 255 of a file name, with an ending
_VERSION = re.compile(r"\d{1,5}(\.\d{1,5}){0,2}")

BAD_NAME = FindingKind(
    "apple.sample.product-name",
    Severity.ERROR,
    "The product name cannot be put into the sample package.",
    "The product name is empty, longer than the sample takes, or has control characters.",
)
BAD_VERSION = FindingKind(
    "apple.sample.version",
    Severity.ERROR,
    "{version} is not a version of a macOS bundle.",
    "A bundle's version is up to three numbers with dots between them.",
)


def build_sample(
    job: JobContext, product_name: str, target: Path, *, version: str = "1.0.0", plain: bool = True
) -> None:
    """Write an unsigned product archive for *product_name* to *target*, whole or not at all.

    With *plain* nothing in it is compressed, and equal requests give equal bytes on every system.
    Raises ``InputError`` for a name or version that cannot be used, ``OSError``, ``Cancelled``.
    """
    plan = sample_plan(product_name, version=version)
    with replacing(target) as draft, tempfile.TemporaryFile() as spool:
        toc = package_build.build(job, xar_write.Heap(spool, plain=plain), plan, plain=plain)
        table = xar_write.settle(toc, lambda offset: offset, (), plain=plain)
        length = spool.tell()
        spool.seek(0)
        with draft.open("wb") as file:
            xar_write.write(file, table, (), ())
            xar_write.copy_stream(job, spool, file, length)


def sample_plan(product_name: str, *, version: str = "1.0.0") -> ProductPlan:
    """Return what the sample package is made of; raises ``InputError``."""
    product, wrong = clean_name(product_name)
    if wrong:
        raise InputError(BAD_NAME(detail=wrong))
    if not _VERSION.fullmatch(version):
        detail = tr("Give up to three numbers with dots between them, such as 1.2.0.")
        raise InputError(BAD_VERSION(version=version, detail=detail))
    identifier = bundle_identifier(product)
    bundle = Bundle(f"{file_name(product)}.app", identifier, version, version)
    component = ComponentPlan(
        name="sample.pkg",
        identifier=f"{identifier}.pkg",
        version=version,
        install_location="/Applications",
        tree=app(product, identifier, version),
        bundles=[bundle],
    )
    return ProductPlan(product, [component], TIME, minimum_os=MINIMUM_OS)


def bundle_identifier(product: str) -> str:
    """Return an identifier for the sample of *product*: letters, digits, dots and hyphens."""
    plain = unicodedata.normalize("NFKD", product).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-")
    return f"codesign-wizard.sample.{slug or 'product'}"


def file_name(product: str) -> str:
    """Return *product* as a file name that macOS and Windows take, at most 200 bytes in UTF-8."""
    name = re.sub(r'[/\\:*?"<>|]', "-", product).strip(". ") or "Sample"
    return name.encode()[:_NAME_LIMIT].decode("utf-8", "ignore").strip(". ")


def app(product: str, identifier: str, version: str) -> Tree:
    """Return the bundle in a payload's root, in memory."""
    tree = Tree()
    time = int(TIME.timestamp())
    contents = f"{file_name(product)}.app/Contents"

    def add(path: str, mode: int, data: bytes = b"", link: str = "") -> None:
        parts = path.split("/")
        for count in range(1, len(parts)):
            above = "/".join(parts[:count])
            if above not in tree.entries:
                tree.add(Entry(above, _FOLDER, 0, _ADMIN, time))
        tree.add(Entry(path, mode, 0, _ADMIN, time, link=link), data)

    def text(what: str) -> bytes:
        words = (
            f"This is the {what} of the {product} sample. It was made and signed by Codesign Wizard's trial, "
            "to prove that signing works. It changes nothing."
        )
        return macho.program(words)

    framework = f"{contents}/Frameworks/Sample.framework"
    add(".", _FOLDER)
    add(f"{contents}/Info.plist", _FILE, _plist(_app_info(product, identifier, version)))
    add(f"{contents}/PkgInfo", _FILE, b"APPL????")
    add(f"{contents}/MacOS/sample", _PROGRAM, text("program"))
    add(f"{contents}/Helpers/sample-helper", _PROGRAM, text("helper tool"))
    add(f"{contents}/Resources/AppIcon.icns", _FILE, icns.family(product))
    add(f"{contents}/Resources/en.lproj/InfoPlist.strings", _FILE, _plist({"CFBundleDisplayName": product}))
    library = macho.framework("@rpath/Sample.framework/Versions/A/Sample", "sample_number", 1)
    add(f"{framework}/Versions/A/Sample", _PROGRAM, library)
    info = _common(f"{identifier}.framework", "Sample", "Sample", version, "FMWK")
    add(f"{framework}/Versions/A/Resources/Info.plist", _FILE, _plist(info))
    add(f"{framework}/Versions/Current", _LINK, link="A")
    add(f"{framework}/Sample", _LINK, link="Versions/Current/Sample")
    add(f"{framework}/Resources", _LINK, link="Versions/Current/Resources")
    return tree


def _app_info(product: str, identifier: str, version: str) -> dict[str, Any]:
    return {
        **_common(identifier, product, "sample", version, "APPL"),
        "CFBundleDisplayName": product,
        "CFBundleIconFile": "AppIcon",
        "LSMinimumSystemVersion": MINIMUM_OS,
    }


def _common(identifier: str, name: str, executable: str, version: str, kind: str) -> dict[str, Any]:
    return {
        "CFBundleDevelopmentRegion": "en",
        "CFBundleExecutable": executable,
        "CFBundleIdentifier": identifier,
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleName": name,
        "CFBundlePackageType": kind,
        "CFBundleShortVersionString": version,
        "CFBundleSupportedPlatforms": ["MacOSX"],
        "CFBundleVersion": version,
    }


def _plist(values: dict[str, Any]) -> bytes:
    return plistlib.dumps(values, sort_keys=True)

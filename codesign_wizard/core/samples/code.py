"""The machine code of the samples, instruction by instruction, for three processors.

Each does the same: ``MessageBoxW(NULL, text, caption, MB_ICONINFORMATION)``, then ``ExitProcess(0)``.
Sources: Intel SDM volume 2; Arm Architecture Reference Manual (A64); Microsoft, "x64 calling convention",
"Overview of ARM64 ABI conventions", "__stdcall".
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

_MB_ICONINFORMATION = 0x40


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where things will be, as addresses relative to the image base (RVA).

    ``message_box`` and ``exit_process`` are slots of the import address table, which the loader fills in.
    """

    code: int
    image_base: int
    text: int
    caption: int
    message_box: int
    exit_process: int


@dataclass(frozen=True, slots=True)
class Code:
    """Instructions, and the offsets in them of 32-bit absolute addresses that the loader must relocate."""

    instructions: bytes
    absolute: tuple[int, ...] = ()


@dataclass
class _Writer:
    """Collects instructions and knows how far it has come."""

    at: Addresses
    data: bytearray = field(default_factory=bytearray)
    absolute: list[int] = field(default_factory=list)

    def put(self, opcode: str) -> None:
        self.data += bytes.fromhex(opcode)

    def relative32(self, target: int) -> None:
        """x64: distance from the end of this instruction, which ends with the field."""
        self.data += struct.pack("<i", target - (self.at.code + len(self.data) + 4))

    def absolute32(self, target: int) -> None:
        self.absolute.append(len(self.data))
        self.data += struct.pack("<I", self.at.image_base + target)

    def word(self, instruction: int) -> None:
        self.data += struct.pack("<I", instruction)


def x64(at: Addresses) -> Code:
    """Return the code for x86-64; it is position independent."""
    w = _Writer(at)
    w.put("48 83 EC 28")  # sub rsp, 40         32 bytes of shadow space, 8 to align the stack to 16
    w.put("41 B9")  # mov r9d, 0x40              uType = MB_ICONINFORMATION
    w.data += struct.pack("<I", _MB_ICONINFORMATION)
    w.put("4C 8D 05")  # lea r8, [rip+caption]   lpCaption
    w.relative32(at.caption)
    w.put("48 8D 15")  # lea rdx, [rip+text]     lpText
    w.relative32(at.text)
    w.put("33 C9")  # xor ecx, ecx               hWnd = NULL
    w.put("FF 15")  # call [rip+MessageBoxW]
    w.relative32(at.message_box)
    w.put("33 C9")  # xor ecx, ecx               uExitCode = 0
    w.put("FF 15")  # call [rip+ExitProcess]
    w.relative32(at.exit_process)
    w.put("CC")  # int3                          never reached
    return Code(bytes(w.data))


def x86(at: Addresses) -> Code:
    """Return the code for 32-bit x86; its four absolute addresses are relocated by the loader."""
    w = _Writer(at)
    w.put("6A 40")  # push 0x40                  uType = MB_ICONINFORMATION
    w.put("68")  # push offset caption           lpCaption
    w.absolute32(at.caption)
    w.put("68")  # push offset text              lpText
    w.absolute32(at.text)
    w.put("6A 00")  # push 0                     hWnd = NULL
    w.put("FF 15")  # call [MessageBoxW]         stdcall: it takes its arguments off the stack
    w.absolute32(at.message_box)
    w.put("6A 00")  # push 0                     uExitCode = 0
    w.put("FF 15")  # call [ExitProcess]
    w.absolute32(at.exit_process)
    w.put("CC")  # int3                          never reached
    return Code(bytes(w.data), tuple(w.absolute))


def arm64(at: Addresses) -> Code:
    """Return the code for ARM64; addresses are made from pages (ADRP), so it is position independent."""
    w = _Writer(at)

    def page(register: int, target: int) -> None:
        # ADRP Xd, target: the distance in 4 KiB pages, its low two bits apart from the others
        pages = (target >> 12) - ((at.code + len(w.data)) >> 12)
        w.word(0x9000_0000 | (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5 | register)

    def address(register: int, target: int) -> None:
        page(register, target)
        # ADD Xd, Xd, #offset in the page
        w.word(0x9100_0000 | (target & 0xFFF) << 10 | register << 5 | register)

    def call(slot: int) -> None:
        page(8, slot)
        # LDR X8, [X8, #offset]: the field counts units of eight bytes
        w.word(0xF940_0000 | (slot & 0xFFF) >> 3 << 10 | 8 << 5 | 8)
        w.word(0xD63F_0100)  # blr x8

    w.word(0xA9BF_7BFD)  # stp x29, x30, [sp, #-16]!   a frame record
    w.word(0x9100_03FD)  # mov x29, sp
    w.word(0xD280_0000)  # mov x0, #0                  hWnd = NULL
    address(1, at.text)  # adrp x1 ; add x1            lpText
    address(2, at.caption)  # adrp x2 ; add x2         lpCaption
    w.word(0x5280_0003 | _MB_ICONINFORMATION << 5)  # mov w3, #0x40   uType = MB_ICONINFORMATION
    call(at.message_box)  # adrp x8 ; ldr x8 ; blr x8  MessageBoxW
    w.word(0x5280_0000)  # mov w0, #0                  uExitCode = 0
    call(at.exit_process)  # adrp x8 ; ldr x8 ; blr x8 ExitProcess
    w.word(0xD43E_0000)  # brk #0xf000                 never reached
    return Code(bytes(w.data))


ASSEMBLERS: dict[str, Callable[[Addresses], Code]] = {"x64": x64, "x86": x86, "arm64": arm64}

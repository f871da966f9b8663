"""Asking Windows itself: WinVerifyTrust, through ctypes (learn.microsoft.com, wintrust.h)."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

from codesign_wizard.core.authenticode.checks import WINDOWS_OK, WINDOWS_REFUSES
from codesign_wizard.core.finding import Evidence, Finding, utc_now
from codesign_wizard.core.text import tr

_UI_NONE = 2
_REVOKE_NONE = 0
_CHOICE_FILE = 1
_STATE_VERIFY = 1
_STATE_CLOSE = 2
# no network: the answer must not take a minute behind a proxy
_CACHE_ONLY_URL_RETRIEVAL = 0x1000
# {00AAC56B-CD44-11d0-8CC2-00C04FC295EE}, WINTRUST_ACTION_GENERIC_VERIFY_V2
_GENERIC_VERIFY = bytes.fromhex("6bc5aa0044cdd0118cc200c04fc295ee")


class _FileInfo(ctypes.Structure):
    _fields_ = (
        ("cbStruct", ctypes.c_uint32),
        ("pcwszFilePath", ctypes.c_wchar_p),
        ("hFile", ctypes.c_void_p),
        ("pgKnownSubject", ctypes.c_void_p),
    )


class _TrustData(ctypes.Structure):
    _fields_ = (
        ("cbStruct", ctypes.c_uint32),
        ("pPolicyCallbackData", ctypes.c_void_p),
        ("pSIPClientData", ctypes.c_void_p),
        ("dwUIChoice", ctypes.c_uint32),
        ("fdwRevocationChecks", ctypes.c_uint32),
        ("dwUnionChoice", ctypes.c_uint32),
        ("pFile", ctypes.POINTER(_FileInfo)),
        ("dwStateAction", ctypes.c_uint32),
        ("hWVTStateData", ctypes.c_void_p),
        ("pwszURLReference", ctypes.c_wchar_p),
        ("dwProvFlags", ctypes.c_uint32),
        ("dwUIContext", ctypes.c_uint32),
        ("pSignatureSettings", ctypes.c_void_p),
    )


def judged(result: int) -> Finding:
    """Return the finding for an HRESULT of WinVerifyTrust (winerror.h)."""
    code = result & 0xFFFF_FFFF
    evidence = Evidence(code=f"0x{code:08X}", time=utc_now())
    if code == 0:
        return WINDOWS_OK(evidence=evidence)
    return WINDOWS_REFUSES(why=_words(code), evidence=evidence)


def _words(code: int) -> str:
    return {
        0x800B0100: tr("there is no signature"),
        0x80096010: tr("the file was changed after it was signed"),
        0x800B0109: tr("the chain ends in a root that this computer does not trust"),
        0x800B010A: tr("the chain cannot be built"),
        0x800B0101: tr("a certificate is out of its validity"),
        0x800B0111: tr("the certificate was explicitly distrusted"),
        0x800B0110: tr("the certificate is not meant for this purpose"),
        0x800B010C: tr("a certificate was revoked"),
        0x80096005: tr("the time stamp does not hold"),
        0x800B0004: tr("the publisher is not trusted"),
        0x80096019: tr("the basic constraints of a certificate were not observed"),
        0x80092003: tr("the file could not be read"),
    }.get(code, tr("error {code}").format(code=f"0x{code:08X}"))


if sys.platform == "win32":

    def _verify(path: Path) -> int:
        wintrust = ctypes.WinDLL("wintrust")
        file = _FileInfo(ctypes.sizeof(_FileInfo), str(path), None, None)
        data = _TrustData()
        data.cbStruct = ctypes.sizeof(_TrustData)
        data.dwUIChoice = _UI_NONE
        data.fdwRevocationChecks = _REVOKE_NONE
        data.dwUnionChoice = _CHOICE_FILE
        data.pFile = ctypes.pointer(file)
        data.dwStateAction = _STATE_VERIFY
        data.dwProvFlags = _CACHE_ONLY_URL_RETRIEVAL
        action = ctypes.create_string_buffer(_GENERIC_VERIFY, 16)
        verify = wintrust.WinVerifyTrust
        verify.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        verify.restype = ctypes.c_long
        result = int(verify(None, action, ctypes.byref(data)))
        data.dwStateAction = _STATE_CLOSE
        verify(None, action, ctypes.byref(data))
        return result

    def ask_windows(path: Path) -> Finding | None:
        """Return what WinVerifyTrust says of *path*."""
        return judged(_verify(path))

else:

    def ask_windows(path: Path) -> Finding | None:
        """Return ``None``: there is no Windows to ask."""
        return None

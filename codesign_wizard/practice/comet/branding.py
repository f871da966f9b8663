"""The settings of a new Comet-like server, as its documentation and its own answers have them."""

from __future__ import annotations

import json
from typing import Any

from codesign_wizard.practice.comet import members

# BuildMode (CLIENTBRANDINGBUILD_), WindowsCodeSignMethod, MacOSCodeSign.Level
CUSTOM, PREBUILT = 0, 1


DISABLED, AZURE = 1, 4


NOTARISE, STAPLE = 1, 2


# a key that a set leaves out is what it was on a new server
DEFAULTS: dict[str, Any] = {
    "BrandName": "",
    "LogoImage": "",
    "TopColor": "",
    "AccentColor": "",
    "Favicon": "",
    "ProductName": "",
    "CompanyName": "",
    "HelpURL": "",
    "DefaultLoginServerURL": "",
    "TileBackgroundColor": "",
    "AccountRegisterURL": "",
    "CloudStorageName": "",
    "PathIcoFile": "",
    "PathIcnsFile": "",
    "PathMenuBarIcnsFile": "",
    "PathEulaRtf": "",
    "PathTilePng": "",
    "PathHeaderImage": "",
    "PathAppIconImage": "",
    "PackageIdentifier": "",
    "BrandingStyleType": 0,
    "HideNewsArea": False,
    "HelpIsPopup": False,
    "HideBackgroundLogo": False,
    "AdminHidePreBuiltClientOption": False,
    "AdminHideBrandedCloudStorage": False,
    "BuildMode": CUSTOM,
    "WindowsCodeSignMethod": DISABLED,
    "WindowsCodeSignPKCS12FilePath": "",
    "WindowsCodeSignPKCS12PasswordFormat": 0,
    "WindowsCodeSignPKCS12Password": "",
    "WindowsCodeSignPKCS11Engine": "",
    "WindowsCodeSignPKCS11Module": "",
    "WindowsCodeSignPKCS11Certfile": "",
    "WindowsCodeSignPKCS11KeyID": "",
    "WindowsCodeSignPKCS11PasswordFormat": 0,
    "WindowsCodeSignPKCS11Password": "",
    "WindowsCodeSignAzureVaultName": "",
    "WindowsCodeSignAzureCertName": "",
    "WindowsCodeSignAzureAppID": "",
    "WindowsCodeSignAzureAppSecretFormat": 0,
    "WindowsCodeSignAzureAppSecret": "",
    "WindowsCodeSignAzureTenantID": "",
    "WindowsCodeSignRelicServerURL": "",
    "WindowsCodeSignRelicKeypairFile": "",
    "WindowsCodeSignRelicKeyName": "",
}


MACOS_DEFAULTS: dict[str, Any] = {
    "Level": 0,
    "SignLocally": False,
    "SSHServer": {
        "SSHServer": "",
        "SSHUsername": "",
        "SSHAuthMode": 0,
        "SSHPassword": "",
        "SSHPrivateKey": "",
        "SSHCustomAuth_UseKnownHostsFile": False,
        "SSHCustomAuth_KnownHostsFile": "",
    },
    "CertificateName": "",
    "AppCertificateName": "",
    "AppleID": "",
    "AppleIDPass": "",
    "AppleIDPassFormat": 0,
    "CertificateFile": "",
    "AppCertificateFile": "",
    "PfxFilePassword": "",
    "PfxFilePasswordFormat": 0,
    "NotaryAPIIssuerID": "",
    "NotaryAPIKeyID": "",
    "NotaryAPIKeyFile": "",
}


# what a server newer than the SDKs sends besides; the text is kept to the last digit
NEWER = {
    "ClientThemeRevision": "9007199254740993",
    "ClientTheme": '{"Scale": 1.10, "Rounded": true, "Palette": [{"Name": "Accent", "Weight": 4e2}]}',
    "AgentUpdateRings": '["early", "late"]',
}


MACOS_NEWER = {"NotaryQueueHint": '{"Hours": 2.50}'}


SECRETS = ("WindowsCodeSignPKCS12Password", "WindowsCodeSignPKCS11Password", "WindowsCodeSignAzureAppSecret")


MACOS_SECRETS = ("AppleIDPass", "PfxFilePassword")


def new_branding() -> dict[str, str]:
    """Return every setting of a new server as JSON, by name."""
    macos = {name: json.dumps(value) for name, value in MACOS_DEFAULTS.items()} | MACOS_NEWER
    branding = {name: json.dumps(value) for name, value in DEFAULTS.items()}
    return {**branding, "MacOSCodeSign": members.join(macos), **NEWER}

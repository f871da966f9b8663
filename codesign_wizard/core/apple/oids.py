"""Object identifiers of Apple's arc 1.2.840.113635.100 ("Apple Inc. Certification Practice Statement")."""

from __future__ import annotations

_ARC = "1.2.840.113635.100"

# leaf certificate extensions: their presence says what the certificate is for
IOS_DEVELOPMENT = f"{_ARC}.6.1.2"
IOS_DISTRIBUTION = f"{_ARC}.6.1.4"
MAC_APP_DISTRIBUTION = f"{_ARC}.6.1.7"
MAC_INSTALLER_DISTRIBUTION = f"{_ARC}.6.1.8"
MAC_DEVELOPMENT = f"{_ARC}.6.1.12"
DEVELOPER_ID_APPLICATION = f"{_ARC}.6.1.13"
DEVELOPER_ID_INSTALLER = f"{_ARC}.6.1.14"
DEVELOPER_ID_KERNEL = f"{_ARC}.6.1.18"
DEVELOPER_ID_DATE = f"{_ARC}.6.1.33"
APPLE_EXTENSIONS = f"{_ARC}.6."

# extension of the issuing certificate
DEVELOPER_ID_AUTHORITY = f"{_ARC}.6.2.6"

# extended key usages
CODE_SIGNING_USAGE = "1.3.6.1.5.5.7.3.3"
INSTALLER_USAGE = f"{_ARC}.4.13"
APP_STORE_INSTALLER_USAGE = f"{_ARC}.4.9"

# signed attributes of a code signature
HASH_AGILITY_PLIST = f"{_ARC}.9.1"
HASH_AGILITY = f"{_ARC}.9.2"

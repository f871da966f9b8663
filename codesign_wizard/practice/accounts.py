"""What the person of a practice run has been given, or believes to have been given."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class PracticeAccounts:
    """Values as the person typed them in this scenario; some may be wrong."""

    vault_name: str
    certificate_name: str
    application_id: str
    application_secret: str = field(repr=False)
    tenant_id: str
    product_name: str
    cloud: str = "public"
    timestamp_servers: list[str] = field(default_factory=list)
    server_address: str = ""
    server_user: str = ""
    server_password: str = field(default="", repr=False)
    # what is special about the package at hand: signed, unsigned, no-timestamp, no-hardened-runtime,
    # wrong-certificate
    package: str = "signed"
    api_key_id: str = ""
    api_issuer_id: str = ""
    api_private_key: str = field(default="", repr=False)  # PKCS #8 in PEM, as in the .p8 file

    @property
    def api_key_name(self) -> str:
        """The name that Apple gives the file with the API key."""
        return f"AuthKey_{self.api_key_id}.p8"

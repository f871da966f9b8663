"""App Store Connect, as far as the notary service is there (Apple, Notary API, version 2)."""

"""Where certificates point to: issuers' certificates, revocation lists, the OCSP responder; plain http."""

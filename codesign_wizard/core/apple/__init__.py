"""Apple's formats: identities, Mach-O signatures, bundles, packages."""

"""Which permissions an application has on a vault, how that is known, how missing ones are granted."""

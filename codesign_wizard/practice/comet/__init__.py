"""A Comet-like server: settings, resources, sessions, builds that really sign."""

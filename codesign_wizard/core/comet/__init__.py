"""The Comet Server: what it has, what the profile holds, applying it, and proof by its own builds."""

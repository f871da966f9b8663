"""Time-stamp servers (RFC 3161) over plain http."""

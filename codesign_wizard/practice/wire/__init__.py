"""What every practice service stands on: HTTP, TLS, the forward proxy, routes. No vendor's rules here."""

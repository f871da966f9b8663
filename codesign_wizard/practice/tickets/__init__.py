"""CloudKit's public database of tickets, where Gatekeeper and staplers look them up."""

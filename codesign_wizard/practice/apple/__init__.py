"""Apple's side in practice: certification authorities and a team, made up but well-formed."""

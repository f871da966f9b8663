"""Apple's notary: opens what was uploaded and judges every program in it."""

"""Azure Key Vault's data plane: vaults, their certificates and keys, who may do what, signing."""

"""Azure Resource Manager (management.azure.com): vaults as resources, roles, who is given which where."""

"""Microsoft Entra ID: tenants, applications, tokens (login.microsoftonline.com and the other clouds)."""

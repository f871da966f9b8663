"""Microsoft Graph: the directory as an administrator reads it (graph.microsoft.com)."""

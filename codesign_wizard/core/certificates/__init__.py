"""The life of a code-signing certificate: request, answer, judgement, renewal."""

"""The documents, held to what they say: each command that they show is run, and its output compared."""

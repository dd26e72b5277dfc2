"""`ringpost top`: a running system at a glance, again and again."""

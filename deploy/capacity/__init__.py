"""What this machine carries: measured on a small system of its own, told as a model."""

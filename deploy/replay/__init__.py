"""Real chat logs through a running system, while parts of it are killed; and a checker that believes nothing."""

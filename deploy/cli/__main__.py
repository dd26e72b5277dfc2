"""`python -m deploy.cli` is `ringpost`."""

from deploy.cli import main

main()

"""`python -m cli.portside`: the client alone."""

from .root import main

main()

"""`python -m ash.cli` is `ash`; it finds the checkout that it is started in."""

from ash.cli import main

main()

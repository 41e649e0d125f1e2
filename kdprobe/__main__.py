"""`python -m kdprobe` is `kdprobe`."""

from kdprobe.cli.main import main

main()

"""`python -m s2t2_live` is the command `s2t2-live`."""

from s2t2_live.cli import command

command()

"""`python -m s2t2_live` is the command `s2t2-live`."""

import sys

from s2t2_live.cli import main

sys.exit(main())

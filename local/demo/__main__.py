"""`python -m local.demo`: play the bundled conversation and check it; `make demo` calls it."""

import sys

from local.demo import main

sys.exit(main())

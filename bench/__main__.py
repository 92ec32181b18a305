"""`python -m bench`."""

import sys

if __name__ == "__main__":  # what runs apart imports this module again, and nothing of the command
    from bench.command import main

    sys.exit(main(sys.argv[1:]))

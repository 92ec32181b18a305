"""Redis: the library of the journal's functions, from the Lua files beside this module.

The library's name carries its version, a hash of its text: a client loads what it was built with and never replaces
what another client uses, so that an old one cannot downgrade everybody.
"""

from hashlib import sha256
from importlib.resources import files
from typing import Final

_SOURCE: Final = "\n".join(
    files(__package__).joinpath("functions", name).read_text("utf-8")
    for name in ("shared.lua", "append.lua", "seed.lua", "sweep.lua", "state.lua")
)
VERSION: Final = sha256(_SOURCE.encode()).hexdigest()[:8]
LIBRARY: Final = (
    f"#!lua name=timingle_journal_{VERSION}\n"
    f"local function named(name) return 'timingle_' .. name .. '_{VERSION}' end\n{_SOURCE}"
)

APPEND: Final = f"timingle_append_{VERSION}"
SEED: Final = f"timingle_seed_{VERSION}"
SEED_CLOCK: Final = f"timingle_seed_clock_{VERSION}"
LAST_SEQ: Final = f"timingle_last_seq_{VERSION}"
SWEEP: Final = f"timingle_sweep_{VERSION}"
STATE: Final = f"timingle_state_{VERSION}"

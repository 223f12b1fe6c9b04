"""Limits on what a spec may be: far above any real one, far below what would hurt the machine that compiles it."""

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 4_000_000
MAX_INCLUDED_FILES = 1_000

"""Ended from outside: SIGTERM (a supervisor, `timeout`, `kill`) and SIGHUP (the terminal is gone) end a program as Ctrl-C does.

Python ends at once on these signals, without leaving any `with`: the servers that a command started would go on running and its
temporary folders stay. Here both become a KeyboardInterrupt, so that what tidies up after Ctrl-C tidies up after them.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
_SIGNALS = ("SIGTERM", "SIGHUP")
_received: int | None = None
_interrupted = False


def run_tidily(program: Callable[[], int | str | None]) -> NoReturn:
    """Run a program in the main thread and exit with what it returns; with 130 when Ctrl-C ended it, 143 for SIGTERM and 129 for
    SIGHUP (128 and the signal's number, as a shell reports it), whatever it returns then."""
    _catch()
    try:
        code = program()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    if _received is not None or _interrupted:
        # While Python ends it gives signals back their own effect: another one would change the exit code.
        for name in _SIGNALS:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.exit(code if _received is None else 128 + _received)


def _catch() -> None:
    """Let the signals raise KeyboardInterrupt, and none of them cut short what tidies up after the first. One that is ignored
    already, as by `nohup`, stays ignored; a second Ctrl-C still ends everything."""
    pid = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:
        global _interrupted
        if _received is None or os.getpid() != pid:
            _interrupted = True
            raise KeyboardInterrupt

    def end(number: int, frame: FrameType | None) -> None:
        global _received
        if os.getpid() != pid:
            # A forked worker has nothing to tidy up: it ends as it would have without this.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        # Whoever is impatient and sends it again, or after a Ctrl-C, must not cut the tidying short.
        if _received is None and not _interrupted:
            _received = number
            raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, end)

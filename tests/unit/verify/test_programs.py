"""Programs that run in threads can all be ended, also one that is only just starting."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from monitoring_kit.verify.programs import Children, run

SLEEP = ["-c", "import time; time.sleep(30)"]


def test_those_that_run_and_those_that_start_later_are_ended(tmp_path: Path) -> None:
    children = Children()
    begin = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(run, Path(sys.executable), SLEEP, tmp_path, 60, None, children)
        time.sleep(0.2)
        children.stop()
        late = pool.submit(run, Path(sys.executable), SLEEP, tmp_path, 60, None, children)
        assert running.result().failed
        assert late.result().failed
    assert time.monotonic() - begin < 20

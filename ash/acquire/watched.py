"""Work that a library may never end, watched from beside it.

A read that times out after so many seconds without a byte goes on for ever where a byte comes now and then: in the
headers, in the length of a chunk, in the content.  So the work runs in a thread of its own, which is left when it
makes no progress; a thread that is left ends with the process.
"""

import threading
import time
from collections.abc import Callable


def ends(work: Callable[[], None], moved: Callable[[], float], patience: float) -> bool:
    """Do `work`, and tell whether it ended: False once `moved`, a time of `time.monotonic`, is `patience` seconds ago.

    What the work raises is raised here.
    """
    failed: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as cause:  # noqa: BLE001  it is raised below, where somebody waits for it
            failed.append(cause)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive() and (rest := moved() + patience - time.monotonic()) > 0:
        thread.join(rest)
    if failed:
        raise failed[0]
    return not thread.is_alive()

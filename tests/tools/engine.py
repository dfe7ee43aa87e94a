"""How much of a core a command's own process takes, without the jobs that it starts, over its whole run.

    python -m tests.tools.engine snakemake --cores all

Prints wall time and processor time at each tenth of the run.  The command's output goes to `engine.log` in the current
folder.
"""

import sys
import time

import psutil

EVERY = 1.0  # seconds between two looks at the process


def watch(command: list[str]) -> tuple[int, list[tuple[float, float]]]:
    """Exit code, and seconds since the start with the processor seconds until then."""
    start, seen = time.monotonic(), [(0.0, 0.0)]
    with open("engine.log", "w", encoding="utf-8") as log:
        process = psutil.Popen([sys.executable, "-m", *command], stdout=log, stderr=log)
        while process.poll() is None:
            times = process.cpu_times()
            seen.append((time.monotonic() - start, times.user + times.system))
            time.sleep(EVERY)
    return process.returncode, seen


def main() -> int:
    """Run the command that the arguments give, a module of this environment; its exit code."""
    code, seen = watch(sys.argv[1:])
    for wall, used in [*seen[:: max(1, len(seen) // 10)], seen[-1]]:
        print(f"{wall:6.0f} s: {used:5.1f} s of processor time, {100 * used / max(wall, 1e-9):4.1f} %")
    return code


if __name__ == "__main__":
    sys.exit(main())

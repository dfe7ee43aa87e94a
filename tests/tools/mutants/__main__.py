"""Draw mutants, try those that have not been tried, and write docs/measured/mutants.md.

What has been tried stands in build/mutants.jsonl, so a run that was stopped goes on where it was, and a mutant is tried
again only when its file has changed; after new tests, `--again` tries the survivors anew.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.tools.mutants import attempt
from tests.tools.mutants.draw import ROOT, Mutant, drawn
from tests.tools.mutants.page import write_page

JOURNAL = ROOT / "build/mutants.jsonl"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2, help="how many attempts run at once")
    parser.add_argument("--again", action="store_true", help="try the survivors anew")
    options = parser.parse_args()
    sample, known = drawn(options.count, options.seed)
    JOURNAL.parent.mkdir(exist_ok=True)
    lines = JOURNAL.read_text().splitlines() if JOURNAL.exists() else []
    results = {entry["key"]: entry for entry in map(json.loads, lines)}
    settled = {key for key, entry in results.items() if not (options.again and entry["outcome"] == "survived")}
    todo = [mutant for mutant in sample if mutant.key not in settled]
    if todo:
        results |= tried(todo, options.processes)
    write_page([(mutant, results[mutant.key]) for mutant in sample], known, options.seed)


def tried(todo: list[Mutant], processes: int) -> dict[str, dict]:
    """What came of each mutant, by key; every result is written down as it comes."""
    attempt.hold()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a stopped run cleans up, as after Ctrl-C
    results: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as folder, JOURNAL.open("a") as journal:
        free = attempt.copies(Path(folder), processes)
        seconds = attempt.limits(free[0], {mutant.room for mutant in todo})
        begun, waiting = time.monotonic(), todo[::-1]
        slots: attempt.Slots = {}
        try:
            while waiting or slots:
                while free and waiting:
                    mutant, tree = waiting.pop(), free.pop()
                    pid = attempt.start(tree, mutant, mutant.room, seconds[mutant.room])
                    slots[pid] = tree, mutant, time.monotonic()
                tree, mutant, entry = attempt.finish(slots)
                free.append(tree)
                results[mutant.key] = {"key": mutant.key} | entry
                journal.write(json.dumps(results[mutant.key]) + "\n")
                journal.flush()
                left = (time.monotonic() - begun) / len(results) * (len(todo) - len(results)) / 60
                print(
                    f"{len(results)}/{len(todo)}  {entry['outcome']:<11} {entry['seconds']:6.1f} s  {mutant.file}:{mutant.line}"
                    f"  {entry['by'].rpartition('::')[2]}  ({left:.0f} min left)",
                    flush=True,
                )
        finally:
            attempt.end(slots)
    return results


if __name__ == "__main__":
    main()

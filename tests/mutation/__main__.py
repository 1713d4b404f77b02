"""Breaks modules that decide, one small change at a time, and says which changes no test notices.

    python -m tests.mutation --seed 16 --count 200 [MODULE …]

Each mutant is run in a copy of the tree: first the tests of its module, then all that may notice it. A mutant is
killed by a failing test, or by the tests' taking far longer than they do without it; one that survives is a hole in
the tests, or changes nothing that can be seen. Exit code 1 when fewer than ``--at-least`` percent were killed.
"""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutation.operators import Mutant, mutants
from tests.mutation.trial import ROOT, Tree, Verdict, tests_of

DECIDES = (
    "exporter/polling/policy.py",
    "exporter/polling/plan.py",
    "exporter/core/pool.py",
    "exporter/core/durations.py",
    "exporter/core/store.py",
    "exporter/api/rate_limit.py",
    "exporter/probes/*.py",
    "exporter/metrics/page.py",
    "exporter/metrics/families.py",
    "exporter/accounts/inventory.py",
)
_ENOUGH_PERCENT = 92.0


def main(arguments: Sequence[str]) -> int:
    """Try a sample; 0 when enough of it was killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Break modules, and run the tests.")
    parser.add_argument("modules", nargs="*", default=DECIDES, metavar="MODULE", help="a path or pattern")
    parser.add_argument("--seed", type=int, default=1, help="says which mutants are tried")
    parser.add_argument("--count", type=int, default=200, help="how many mutants are tried")
    parser.add_argument(
        "--at-least", type=float, default=_ENOUGH_PERCENT, metavar="PERCENT", help="have to be killed"
    )
    asked = parser.parse_args(arguments)
    modules = sorted({file.relative_to(ROOT) for pattern in asked.modules for file in ROOT.glob(pattern)})
    sample = chosen(modules, seed=asked.seed, count=asked.count)
    if not sample:
        parser.error("these modules have no mutants")
    verdicts = tried(sample)
    for (module, mutant), verdict in zip(sample, verdicts, strict=True):
        if verdict is Verdict.SURVIVED:
            sys.stdout.write(f"survived: {module}:{mutant.first}: `{mutant.was}` -> `{mutant.now}`\n")
    killed = sum(verdict is not Verdict.SURVIVED for verdict in verdicts)
    percent = 100 * killed / len(sample)
    counts = ", ".join(f"{count} {verdict.value}" for verdict, count in sorted(Counter(verdicts).items()))
    sys.stdout.write(
        f"seed {asked.seed}, {len(sample)} mutants of {len(modules)} modules: {counts}; {percent:.1f} %\n"
    )
    return int(percent < asked.at_least)


def chosen(modules: Sequence[Path], *, seed: int, count: int) -> list[tuple[Path, Mutant]]:
    """A sample of all mutants of the modules, in the order of their places."""
    all_there_are = [
        (module, mutant) for module in modules for mutant in mutants((ROOT / module).read_text(encoding="utf-8"))
    ]
    places = random.Random(seed).sample(range(len(all_there_are)), min(count, len(all_there_are)))  # noqa: S311
    return [all_there_are[place] for place in sorted(places)]


def tried(sample: Sequence[tuple[Path, Mutant]]) -> list[Verdict]:
    """What became of each: as many at a time as there are cores, every one in a tree of its own."""
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        trees: SimpleQueue[Tree] = SimpleQueue()
        first, *others = [Tree.copied(ROOT, Path(folder) / str(number)) for number in range(workers)]
        limits_s = first.limits_s({module: tests_of(module) for module, _ in sample})
        for tree in (first, *others):
            trees.put(tree)

        def verdict(module: Path, mutant: Mutant) -> Verdict:
            tree = trees.get()
            try:
                return tree.verdict(module, mutant.source, limits_s=limits_s)
            finally:
                trees.put(tree)
                sys.stderr.write(".")
                sys.stderr.flush()

        return list(pool.map(lambda each: verdict(*each), sample))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

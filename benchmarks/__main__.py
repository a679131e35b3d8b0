"""`make bench`: measure, and add a row to each table of BENCHMARKS.md."""

import sys

from benchmarks import loading, memory, product, prompts, transformer


def main() -> int:
    """Run every benchmark and print the rows that were added."""
    for benchmark in (prompts, transformer, loading, product, memory):
        for row in benchmark.run():
            print(row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

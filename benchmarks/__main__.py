"""`make bench`: measure, and add a row to each table of BENCHMARKS.md.

With names (`python -m benchmarks queue`), only those benchmarks.
"""

import sys

from benchmarks import demo, loading, memory, product, prompts, queue, transformer

ALL = {
    "prompts": prompts,
    "transformer": transformer,
    "loading": loading,
    "queue": queue,
    "demo": demo,
    "product": product,
    "memory": memory,
}


def main() -> int:
    """Run the benchmarks that were named, or all, and print the rows that were added."""
    names = sys.argv[1:] or list(ALL)
    if unknown := [name for name in names if name not in ALL]:
        print(f"no benchmark is named {unknown[0]}; there are: {', '.join(ALL)}", file=sys.stderr)
        return 2
    for name in names:
        for row in ALL[name].run():
            print(row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

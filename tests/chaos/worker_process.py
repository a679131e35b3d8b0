"""`python -m worker` with a renderer from the nursery; NURSERY names its socket."""

import dataclasses
import os
import sys
from pathlib import Path
from typing import Any

import worker.__main__ as program
from supervisor.child import ChildSpec

NURSERY = "CHAOS_NURSERY"
CHANGELING = Path(__file__).with_name("changeling.py")


def main() -> int:
    """Run the worker."""
    describe = program.children

    def children(*args: Any) -> list[ChildSpec]:
        renderer, *slots = describe(*args)
        argv = (sys.executable, "-I", "-S", str(CHANGELING), os.environ[NURSERY])
        return [dataclasses.replace(renderer, argv=argv), *slots]

    program.children = children
    return program.main()


if __name__ == "__main__":
    sys.exit(main())

"""The `newbie` command: finds the subcommand's module and hands over.

Only the module of the command that was asked for is imported, and each module imports its room
when it runs, so `newbie lint` starts without torch and `newbie run` without Discord.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from newbie_cli.extras import EXTRAS, advice

COMMANDS = {
    "run": "newbie_cli.run",
    "smoke": "newbie_cli.smoke",
    "lint": "newbie_cli.lint",
    "render": "newbie_cli.render",
    "assist": "newbie_cli.assist",
    "plan": "newbie_cli.plan",
    "workers": "newbie_cli.workers",
    "make-tiny": "newbie_cli.make_tiny",
    "demo": "newbie_cli.demo.command",
    "doctor": "newbie_cli.doctor.command",
    "download": "newbie_cli.download",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="newbie", description="A Discord bot that draws with NewBie-image-Exp0.1."
    )
    parser.add_argument("--version", action="version", version=f"newbie {_version()}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = arguments[0] if arguments else ""
    for name in (asked,) if asked in COMMANDS else COMMANDS:
        importlib.import_module(COMMANDS[name]).add_parser(subparsers)
    args = parser.parse_args(arguments)
    try:
        exit_code: int = args.run(args)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        print(f"newbie {args.command}: {advice({error.name})}", file=sys.stderr)
        return 1
    return exit_code


def _version() -> str:
    try:
        return version("newbie-bot")
    except PackageNotFoundError:  # started from a source tree that was not installed
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())

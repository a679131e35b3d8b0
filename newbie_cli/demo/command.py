"""`newbie demo ...`: the demo checkpoint, which this project trains itself."""

import argparse
import importlib

COMMANDS = ("newbie_cli.demo.train", "newbie_cli.demo.evaluate")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `demo` command and what belongs to it."""
    parser = subparsers.add_parser("demo", help="train and measure the demo model")
    inner = parser.add_subparsers(dest="demo_command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(name).add_parser(inner)

"""`newbie doctor`: one screen that says whether this machine can run what it is asked to run.

Nothing is changed, nothing is rendered, no secret is shown. Exit codes: 0 no failure, 1 at least
one failure, 2 a wrong command line.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from newbie_cli import worker_settings
from newbie_cli.doctor.findings import Finding, Status, as_data, as_lines


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `doctor` command."""
    parser = subparsers.add_parser(
        "doctor",
        help="look whether this machine is ready, and say what to do where it is not",
        description="Look at Python, packages, card, memory, disk, checkpoint, Redis and Discord.",
        epilog="exit codes: 0 no failure, 1 at least one failure, 2 usage",
    )
    parser.add_argument(
        "--model", metavar="PATH", help=f"checkpoint to look at; default: {worker_settings.MODEL}"
    )
    parser.add_argument(
        "--data-dir", type=Path, default=Path("data"), metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look at everything, print each finding as it comes, and give the exit code."""
    findings = []
    for finding in look(args):
        findings.append(finding)
        if not args.json:
            print("\n".join(as_lines(finding)), flush=True)
    counts = {status: sum(one.status is status for one in findings) for status in Status}
    if args.json:
        document = {
            "ok": not counts[Status.FAILURE],
            "findings": [as_data(finding) for finding in findings],
        }
        print(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        print(f"\n{counts[Status.FAILURE]} failures, {counts[Status.WARNING]} warnings")
    return 1 if counts[Status.FAILURE] else 0


def look(args: argparse.Namespace) -> Iterator[Finding]:
    """Go through all checks in the order in which a newcomer would need them."""
    from newbie_cli.doctor import classifier, machine, model, services, software

    yield from software.check_software()
    yield from machine.check_card()
    yield from machine.check_disk(args.data_dir)
    yield from model.check_model(args.model)
    yield from classifier.check_classifier()
    yield from services.check_redis()
    yield from services.check_discord()

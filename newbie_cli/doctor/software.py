"""Python and the installed packages, against what this version of the project asks for."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from newbie_cli.doctor.findings import Finding, failure, ok, skipped, warning

DISTRIBUTION = "newbie-bot"
# Each part of the product is one extra of the package; a machine may run only some.
EXTRAS = ("bot", "worker", "playground")


def check_software() -> list[Finding]:
    """Look at Python's version and at the packages of every part."""
    try:
        wanted = metadata(DISTRIBUTION)["Requires-Python"] or ""
        needed = [Requirement(text) for text in requires(DISTRIBUTION) or []]
    except PackageNotFoundError:
        fix = "Run `make run`, or `pip install -c constraints.txt -e .[bot,worker,playground]`."
        return [failure("package", "newbie-bot is not installed", fix)]
    own = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    findings = [_python(wanted), _packages("packages", own, is_needed=True)]
    for extra in EXTRAS:
        of_extra = [
            one
            for one in needed
            if one not in own and one.marker and one.marker.evaluate({"extra": extra})
        ]
        findings.append(_packages(f"for {extra}", of_extra, is_needed=False))
    return findings


def _python(wanted: str) -> Finding:
    found = platform.python_version()
    if SpecifierSet(wanted).contains(found, prereleases=True):
        return ok("Python", f"{found} ({sys.executable})")
    return failure("Python", f"{found}, but {wanted} is needed", "Install a newer Python.")


def _packages(name: str, needed: list[Requirement], *, is_needed: bool) -> Finding:
    """Compare installed versions; a part that is missing as a whole is no fault of a machine."""
    absent, wrong, found = [], [], []
    for requirement in needed:
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            absent.append(requirement.name)
            continue
        # A local version such as 2.13.0+cpu is the same release.
        if requirement.specifier.contains(installed.partition("+")[0], prereleases=True):
            found.append(f"{requirement.name} {installed}")
        else:
            wrong.append(f"{requirement.name} {installed} instead of {requirement.specifier}")
    part = name.removeprefix("for ")
    fix = f"Install them: pip install -c constraints.txt -e .[{part}]"
    if is_needed:
        fix = "Install them: pip install -c constraints.txt -e ."
    if wrong:
        return warning(name, "; ".join(wrong), fix)
    if absent and is_needed:
        return failure(name, f"missing: {', '.join(absent)}", fix)
    if absent and found:
        return warning(name, f"missing: {', '.join(absent)}", fix)
    if absent:
        return skipped(name, f"not installed; a machine that runs the {part} needs it")
    return ok(name, ", ".join(found))

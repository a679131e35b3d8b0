"""constraints.txt pins everything that any extra brings, on every Python that is supported."""

import re
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11.2", "3.11.14", "3.12.12", "3.13.9")
# Builds that are chosen at set-up; the CUDA build names its own libraries with exact versions.
ONLY_WITH_GPU = {"flash-attn", "ninja", "wheel", "uv", "setuptools"}


@cache
def pins() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text:
            name, _, version = text.partition("==")
            assert canonicalize_name(name) not in found, f"{name} is pinned twice"
            found[canonicalize_name(name)] = version
    return found


@cache
def extras() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def marker_environment(python: str) -> dict[str, str]:
    return {
        "python_version": ".".join(python.split(".")[:2]),
        "python_full_version": python,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }


def closure(python: str) -> set[str]:
    """Return every package that all extras need on this Python, as far as it is installed."""
    environment = marker_environment(python)
    waiting = [Requirement(text) for group in extras().values() for text in group]
    seen: set[tuple[str, frozenset[str]]] = set()
    names: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, frozenset(requirement.extras)) in seen:
            continue
        seen.add((name, frozenset(requirement.extras)))
        names.add(name)
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # not for the Python that runs this test
        for text in needs:
            need = Requirement(text)
            contexts = [{**environment, "extra": extra} for extra in ("", *requirement.extras)]
            if need.marker is None or any(need.marker.evaluate(c) for c in contexts):
                waiting.append(need)
    return names


@pytest.mark.parametrize("python", PYTHONS)
def test_every_package_of_every_extra_is_pinned(python: str) -> None:
    missing = closure(python) - set(pins())

    assert not {name for name in missing if not name.startswith(("nvidia-", "cuda-", "triton"))}


def test_nothing_is_pinned_that_nobody_needs() -> None:
    needed = set().union(*(closure(python) for python in PYTHONS))

    assert set(pins()) - needed - ONLY_WITH_GPU == set()


def test_every_pin_is_one_exact_public_version() -> None:
    for name, version in pins().items():
        assert re.fullmatch(r"[0-9][0-9a-z.]*", version), name
        assert Version(version).local is None, name


def test_the_pins_satisfy_what_the_project_asks_for() -> None:
    for group in extras().values():
        for text in group:
            requirement = Requirement(text)
            assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_the_tests_run_with_what_is_pinned() -> None:
    different = {}
    for name, version in pins().items():
        try:
            installed = Version(distribution(name).version)
        except PackageNotFoundError:
            continue
        if name not in ONLY_WITH_GPU and installed.public != version:
            different[name] = (version, str(installed))

    assert different == {}


def test_without_the_worker_there_is_no_torch() -> None:
    small = [Requirement(text).name for group in ("", "bot") for text in extras()[group]]

    assert not {"torch", "transformers", "diffusers", "accelerate"} & set(small)

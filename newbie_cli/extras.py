"""Which extra of the package brings which library, for a clear word where one is missing."""

from importlib.util import find_spec

# Library: the extra that installs it.
EXTRAS = {
    "aiohttp": "playground",
    "diffusers": "worker",
    "discord": "bot",
    "huggingface_hub": "worker",
    "safetensors": "worker",
    "torch": "worker",
    "transformers": "worker",
}


def advice(libraries: set[str]) -> str:
    """Say how to install what is missing."""
    wanted = ",".join(sorted({EXTRAS[library] for library in libraries}))
    return (
        f"{' and '.join(sorted(libraries))} cannot be imported; "
        f"this command needs `pip install newbie-bot[{wanted}]`"
    )


def missing(*libraries: str) -> set[str]:
    """Return those of the libraries that are not installed, without importing any."""
    return {library for library in libraries if find_spec(library) is None}

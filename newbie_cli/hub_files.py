"""Files of a repository on the Hub: which are wanted, and the large ones fetched with resume.

The library (huggingface_hub 2.4) goes on after a short break, but starts a file over in the next
process. So what is stored by its SHA-256 (all weights) is fetched here into `.newbie-download/`,
named by that hash, and moved to its place when complete; the library's own download then verifies
its hash, and fetches everything small.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ALLOWED = ["*.safetensors", "*.json", "*.model"]
UNFINISHED = ".newbie-download"
# Folders of Gemma in the official repository and in Diffusers conversions.
GEMMA_FOLDERS = ("text_encoder", "tokenizer")


_SHA256 = re.compile(r"[0-9a-f]{64}")


class UnsafeName(Exception):
    """A file's name would lead out of the folder that it belongs into."""


@dataclass(frozen=True)
class WantedFile:
    """A file by its path in the repository; `sha256` is None for what is stored otherwise."""

    path: str
    size: int
    sha256: str | None


def wanted_files(
    repo: str, revision: str | None, *, clip_only: bool = False
) -> tuple[str, list[WantedFile]]:
    """Ask the Hub for a revision's commit, and for the files of it that are fetched.

    With `clip_only` Gemma's are left out. Raises UnsafeName for a name that no honest repository
    has.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils import filter_repo_objects  # type: ignore[attr-defined]

    info = HfApi().model_info(repo, revision=revision, files_metadata=True)
    files = [
        WantedFile(one.rfilename, one.size or 0, one.lfs.sha256 if one.lfs else None)
        for one in filter_repo_objects(
            info.siblings or [], allow_patterns=ALLOWED, key=lambda one: one.rfilename
        )
    ]
    for file in files:
        path = PurePosixPath(file.path)
        is_hash = file.sha256 is None or _SHA256.fullmatch(file.sha256)
        if path.is_absolute() or ".." in path.parts or "\\" in file.path or not is_hash:
            raise UnsafeName(f"{repo} lists a file with the name {file.path!r}")
    return str(info.sha), [file for file in files if not (clip_only and _is_gemma(file.path))]


def _is_gemma(name: str) -> bool:
    """Tell by a file's name whether it is Gemma's: its folder, or ComfyUI's name of its file."""
    path = PurePosixPath(name)
    return path.parts[0] in GEMMA_FOLDERS or path.name.lower().startswith("gemma")


def still_to_come(files: list[WantedFile], target: Path) -> int:
    """Count the bytes that are not on the disk yet, parts of files included."""
    return sum(
        max(file.size - _size(_part(file, target)), 0)
        for file in files
        if _size(target / file.path) != file.size
    )


def fetch(repo: str, commit: str, files: list[WantedFile], target: Path) -> None:
    """Fetch all files into a folder; what is there and right is left as it is."""
    from huggingface_hub import snapshot_download

    for file in files:
        if file.sha256 is not None and _size(target / file.path) != file.size:
            _fetch_large(repo, commit, file, target)
    snapshot_download(
        repo, revision=commit, local_dir=target, allow_patterns=[file.path for file in files]
    )
    shutil.rmtree(target / UNFINISHED, ignore_errors=True)


def _fetch_large(repo: str, commit: str, file: WantedFile, target: Path) -> None:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    part = _part(file, target)
    part.parent.mkdir(parents=True, exist_ok=True)
    done = _size(part)
    if done > file.size:
        part.unlink()
        done = 0
    with part.open("ab") as stream:
        http_get(
            hf_hub_url(repo, file.path, revision=commit),
            stream,
            resume_size=done,
            headers=build_hf_headers(),
            expected_size=file.size,
            displayed_filename=file.path,
        )
    place = target / file.path
    place.parent.mkdir(parents=True, exist_ok=True)
    part.replace(place)


def _part(file: WantedFile, target: Path) -> Path:
    return target / UNFINISHED / f"{file.sha256}.part"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0

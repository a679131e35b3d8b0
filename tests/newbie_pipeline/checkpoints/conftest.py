"""The tiny checkpoint in every layout, written once."""

import pytest

from .converted import write_diffusers, write_models_folder, write_single_files

WRITERS = {
    "diffusers": write_diffusers,
    "models folder": write_models_folder,
    "side by side": write_single_files,
}


@pytest.fixture(scope="session")
def layouts(tiny_checkpoint, pipe, tmp_path_factory):
    """Give the folder of each layout by name."""
    root = tmp_path_factory.mktemp("layouts")
    folders = {"official": tiny_checkpoint}
    for name, write in WRITERS.items():
        folders[name] = root / name / "tiny"
        write(tiny_checkpoint, folders[name])
    folders["saved"] = root / "saved"
    pipe.save_pretrained(folders["saved"])
    return folders

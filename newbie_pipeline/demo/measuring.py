"""How far the measuring can be trusted: on drawings that went through a checkpoint's VAE.

What `analysis` reads wrong there, it may read wrong in what the checkpoint draws, too. On scenes
that are not those of the pictures it must be at chance.
"""

import numpy as np
import torch

from newbie_pipeline.checkpoints.loading import load_components
from newbie_pipeline.checkpoints.sources import Source
from newbie_pipeline.demo.analysis import compare, measure
from newbie_pipeline.demo.autoencoder_training import LEVELS, as_input, encoded
from newbie_pipeline.demo.drawings import draw
from newbie_pipeline.demo.evaluation import FIRST_SCENE, Scores, everything_of
from newbie_pipeline.demo.sampling import sample_scene

OTHERS = (
    *("transformer", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"),
)
AT_ONCE = 8


def measure_drawings(source: Source, count: int) -> tuple[Scores, Scores, float]:
    """Give the scores of `count` drawings after the VAE, those of shuffled scenes, and the PSNR.

    The PSNR, in dB, is that of whole pictures, averaged. Scenes are held out from training.
    """
    parts = load_components(source, torch.float32, "cpu", components=dict.fromkeys(OTHERS))
    vae, device = parts["vae"], torch.device("cpu")
    scenes = [sample_scene(FIRST_SCENE + number, held_out=True) for number in range(count)]
    drawings = np.stack([draw(each, k, vae.config.sample_size) for k, each in enumerate(scenes)])
    seen, errors = [], []
    for start in range(0, count, AT_ONCE):
        pictures = drawings[start : start + AT_ONCE]
        with torch.no_grad():
            given_back = vae.decode(encoded(vae, pictures, device)).sample.clamp(-1, 1)
        errors += (given_back - as_input(pictures)).square().mean(dim=(1, 2, 3)).tolist()
        bytes_ = ((given_back + 1) * (LEVELS / 2)).round().byte().permute(0, 2, 3, 1).numpy()
        seen += [measure(picture) for picture in bytes_]
    right, shuffled = Scores(), Scores()
    for number, shown in enumerate(seen):
        right.add(compare(shown, everything_of(scenes[number])))
        shuffled.add(compare(shown, everything_of(scenes[(number + 7) % count])))
    return right, shuffled, float(np.mean([-10 * np.log10(error / 4) for error in errors]))

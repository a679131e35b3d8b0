"""`newbie demo train`: the demo checkpoint from nothing, part by part, in the order of their needs.

1. pictures: scenes that training may see are drawn into one file
2. tokenizers: learnt from captions
3. vae: learns to give the pictures back
4. text: Gemma and Jina learn to read captions
5. latents: every picture goes through the VAE once
6. transformer: learns to draw what the captions say
7. the checkpoint is written, and everything unfinished is removed

Everything unfinished lies in a folder inside the checkpoint's. A training that was stopped goes on
there, within the part where it was, and ends with the same weights.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from tqdm import tqdm  # type: ignore[import-untyped]

from newbie_pipeline.demo.autoencoder_training import latent_scaling
from newbie_pipeline.demo.caption_tokenizers import train_tokenizers
from newbie_pipeline.demo.captions import caption
from newbie_pipeline.demo.demo_checkpoint import DemoParts, write_demo_checkpoint
from newbie_pipeline.demo.model_sizes import DemoSizes
from newbie_pipeline.demo.part_runs import Settings, first_scene, text_run, transformer_run, vae_run
from newbie_pipeline.demo.picture_pool import PicturePool, make_pool
from newbie_pipeline.demo.training_plan import (
    TEXT,
    TRANSFORMER,
    VAE,
    TrainingPlan,
    seconds_of,
)
from newbie_pipeline.demo.training_record import TrainingRecord, plan_facts
from newbie_pipeline.demo.transformer_training import encode_pool
from newbie_pipeline.errors import TrainingStopped
from newbie_pipeline.training.loop import Run, train

UNFINISHED = "unfinished"
TOKENIZER_CAPTIONS = 4000
# Steps whose time tells how many fit: the first ones compile, and a group has all lengths.
WARM_STEPS, MEASURED_STEPS = 8, 16


class DemoTraining:
    """One training in a folder; `hours` replace the plan's steps by as many as fit on this machine.

    The steps that were found to fit are kept, so a resumed training has the same.
    """

    def __init__(
        self,
        directory: Path,
        sizes: DemoSizes,
        plan: TrainingPlan,
        *,
        seed: int,
        device: torch.device,
        hours: float | None = None,
        compile_blocks: bool = True,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.directory, self.stop, self.hours = directory, stop, hours
        self.unfinished = directory / UNFINISHED
        facts = {"sizes": sizes.as_data(), "plan": plan_facts(plan), "seed": seed}
        self.record = TrainingRecord(self.unfinished / "record.json", {**facts, "hours": hours})
        self.settings = Settings(sizes, plan, seed, device, compile_blocks, self.unfinished, facts)

    def run(self) -> None:
        """Train what is not trained yet, and write the checkpoint.

        Raises TrainingStopped when `stop()` is true between two steps, and TrainingError when the
        folder holds another training or a loss is no number any more.
        """
        pool = self._pictures()
        tokenizers = self._tokenizers(pool)
        vae = self._train(VAE, lambda steps, **rest: vae_run(self.settings, pool, steps, **rest))
        reader = self._train(
            TEXT, lambda steps, **rest: text_run(self.settings, tokenizers, steps, **rest)
        )
        reader.requires_grad_(False)
        latents, scaling = self._latents(vae, pool)
        transformer = self._train(
            TRANSFORMER,
            lambda steps, **rest: transformer_run(
                self.settings,
                steps,
                pool=pool,
                latents=latents,
                reader=reader,
                tokenizers=tokenizers,
                **rest,
            ),
        )
        parts = DemoParts(
            sizes=self.settings.sizes,
            vae=vae.to(memory_format=torch.contiguous_format),
            latent_scaling=scaling,
            gemma=reader.gemma,
            jina=reader.jina,
            tokenizers=tokenizers,
            transformer=transformer,
            shift=self.settings.plan.shift,
        )
        self._finish(parts)

    def _pictures(self) -> PicturePool:
        settings = self.settings
        count, size = settings.plan.pictures, settings.sizes.picture
        with self._timed("pictures"), self._bar("pictures", count) as update:
            return make_pool(
                self.unfinished / "pictures.npy",
                count,
                size,
                first=first_scene(settings.seed),
                processes=torch.get_num_threads(),
                on_drawn=update,
            )

    def _tokenizers(self, pool: PicturePool) -> tuple[Any, Any]:
        scenes = (pool.scenes[number % len(pool)] for number in range(TOKENIZER_CAPTIONS))
        texts = (caption(scene, number).text for number, scene in enumerate(scenes))
        with self._timed("tokenizers"):
            return train_tokenizers(texts, self.settings.sizes.vocabulary)

    def _latents(
        self, vae: AutoencoderKL, pool: PicturePool
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Give the latents as the transformer knows them, and the VAE's scaling."""
        path = self.unfinished / "latents.pt"
        if not path.exists():
            with self._timed("latents"), self._bar("latents", len(pool)) as update:
                latents = encode_pool(vae, pool, self.settings.device, update)
                torch.save(latents, partial := path.with_suffix(".partial"))
                partial.replace(path)
        latents = torch.load(path, weights_only=True)
        scaling = latent_scaling(latents)
        return (latents - scaling["shift_factor"]) * scaling["scaling_factor"], scaling

    def _train(self, name: str, make_run: Callable[..., tuple[Run[Any], Any]]) -> Any:
        """Train a part to its end, or take it from its state."""
        part = self.record.part(name)
        if not part.steps:
            part.steps = self._steps(name, make_run)
            self.record.save()
        run, module = make_run(part.steps)
        if part.finished:
            train(run)
            return module
        with self._timed(name):
            part.figures = train(run, stop=self.stop)
            part.finished = True
        return module

    def _steps(self, name: str, make_run: Callable[..., tuple[Run[Any], Any]]) -> int:
        if self.hours is None:
            return self.settings.plan.part(name).steps
        ends: list[float] = []
        run, _ = make_run(WARM_STEPS + MEASURED_STEPS, state=False)
        train(run, stop=self.stop, on_step=lambda *_: ends.append(time.monotonic()))
        seconds = (ends[-1] - ends[WARM_STEPS - 1]) / MEASURED_STEPS
        return max(1, round(seconds_of(self.hours, name) / seconds))

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        """Add the time that something takes to its record, also when it is stopped."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.record.part(name).seconds += time.monotonic() - begun
            self.record.save()

    def _finish(self, parts: DemoParts) -> None:
        write_demo_checkpoint(self.directory, parts)
        files = [path for path in self.directory.rglob("*") if path.is_file()]
        weighed = [path for path in files if self.unfinished not in path.parents]
        readme = self.record.readme(
            size=self.settings.sizes.picture,
            seed=self.settings.seed,
            megabytes=sum(path.stat().st_size for path in weighed) / 1e6,
            device=self.settings.device,
        )
        (self.directory / "README.md").write_text(readme, encoding="utf-8")
        shutil.rmtree(self.unfinished)

    @contextmanager
    def _bar(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar; what moves it on raises TrainingStopped when somebody asked to stop."""
        with tqdm(desc=name, total=total, disable=None) as bar:

            def update(count: int) -> None:
                bar.update(count)
                if self.stop():
                    raise TrainingStopped(f"{name} were stopped after {bar.n} of {total}")

            yield update

"""Training of the demo checkpoint's Gemma and Jina CLIP: reading what a caption asks for.

- Both learn to answer QUESTIONS about captions, through heads that are dropped afterwards. That is
  far cheaper than learning to read through the transformer, and it can be measured by itself.
- Gemma is asked twice: of all its tokens' states by attention, as the transformer reads them, and
  of the last token's state alone, which makes that token a summary. Gemma sees no token before its
  time: where a position follows an appearance, only a later token can know both.
- Jina is asked of its pooled vector, which is all that the transformer gets of it.
"""

from dataclasses import dataclass

import torch
from torch import nn

from newbie_pipeline.demo.caption_batches import CaptionBatch, Sample
from newbie_pipeline.demo.captions import caption
from newbie_pipeline.demo.sampling import sample_scene
from newbie_pipeline.demo.scene_labels import IGNORED, OPEN, QUESTIONS, labels_of
from newbie_pipeline.models.gemma_text import GemmaTextEncoder
from newbie_pipeline.models.jina_clip import JinaClipTextModel
from newbie_pipeline.text_conditioning import gemma_features, pooled_features

MOST_ANSWERS = max(QUESTIONS.values())
NEVER = -1e9
START = 0.02


class CaptionSamples:
    """Makes a run's samples: each number has a scene of its own, which training may see."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __call__(self, number: int) -> Sample:
        """Give the caption of a number and what it asks for."""
        seed = self.first + number
        scene = sample_scene(seed)
        written = caption(scene, seed)
        return Sample(written.text, labels=tuple(labels_of(scene, written.named)))


@dataclass(frozen=True)
class Answers:
    """Logits [batch, questions, answers] of each way to ask."""

    attended: torch.Tensor
    summary: torch.Tensor
    pooled: torch.Tensor


class SceneReader(nn.Module):
    """Both text encoders, and heads that ask them what a caption wants."""

    def __init__(self, gemma: GemmaTextEncoder, jina: JinaClipTextModel) -> None:
        super().__init__()
        self.gemma, self.jina = gemma, jina
        width, own = gemma.config.hidden_size, jina.config.hidden_size
        outputs = len(QUESTIONS) * MOST_ANSWERS
        self.norm = nn.RMSNorm(width)
        self.keys = nn.Linear(width, width, bias=False)
        self.queries = nn.Parameter(START * torch.randn(len(QUESTIONS), width))
        self.heads = nn.Parameter(START * torch.randn(len(QUESTIONS), width, MOST_ANSWERS))
        self.summary = nn.Linear(width, outputs)
        self.pooled = nn.Sequential(nn.RMSNorm(own), nn.Linear(own, outputs))
        answers = torch.arange(MOST_ANSWERS)
        counts = torch.tensor(list(QUESTIONS.values()))
        self.register_buffer("impossible", answers >= counts.unsqueeze(1), persistent=False)

    def forward(self, batch: CaptionBatch) -> Answers:
        """Answer all questions about each caption."""
        states = self.norm(gemma_features(self.gemma, batch.gemma_ids, batch.gemma_mask))
        vectors = pooled_features(self.jina, batch.jina_ids, batch.jina_mask)
        last = batch.gemma_mask.sum(dim=1) - 1
        summaries = states[torch.arange(len(states), device=states.device), last]
        return Answers(
            self._attended(states, batch.gemma_mask.bool()),
            self._possible(self.summary(summaries)),
            self._possible(self.pooled(vectors)),
        )

    def _attended(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        scores = self.queries @ self.keys(states).transpose(1, 2)
        weights = scores.masked_fill(~mask.unsqueeze(1), NEVER).softmax(dim=-1)
        return self._possible(torch.einsum("bqd,qda->bqa", weights @ states, self.heads))

    def _possible(self, logits: torch.Tensor) -> torch.Tensor:
        shaped = logits.reshape(len(logits), len(QUESTIONS), MOST_ANSWERS)
        impossible = self.get_buffer("impossible")
        return shaped.masked_fill(impossible, NEVER)


class ReadingLoss:
    """Compares the answers with the labels."""

    def __init__(self, reader: SceneReader) -> None:
        self.reader = reader

    def __call__(self, batch: CaptionBatch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Give the sum of the three losses, and how much of what was asked for was read right."""
        labels = labels_of_batch(batch)
        answers = self.reader(batch)
        loss = sum(
            (_cross_entropy(one, labels) for one in (answers.attended, answers.pooled)),
            0.5 * _cross_entropy(answers.summary, labels),
        )
        return {
            "loss": loss,
            "gemma": share_right(answers.attended, labels),
            "jina": share_right(answers.pooled, labels),
        }


def labels_of_batch(batch: CaptionBatch) -> torch.Tensor:
    """Give the labels [batch, questions] of a batch's samples."""
    labels = [sample.labels for sample in batch.samples]
    return torch.tensor(labels, device=batch.gemma_ids.device)


def share_right(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Give the share of right answers, of those questions that the caption answers."""
    asked = (labels != IGNORED) & (labels != OPEN)
    return (logits.argmax(dim=-1) == labels)[asked].float().mean()


def _cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)

"""A tiny ViT for image classification whose weights are chosen: white is adult, black is not."""

from pathlib import Path

import torch
from transformers import ViTConfig, ViTForImageClassification
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

SIDE = 16
LABELS = {0: "normal", 1: "nsfw"}


def make_classifier(
    folder: Path, labels: dict[int, str] = LABELS, problem_type: str | None = None
) -> Path:
    """Write a checkpoint whose first hidden number is a picture's brightness from -1 to 1."""
    config = ViTConfig(
        hidden_size=4,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=4,
        image_size=SIDE,
        patch_size=SIDE // 2,
        id2label=labels,
        label2id={label: number for number, label in labels.items()},
        problem_type=problem_type,
    )
    model = ViTForImageClassification(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for name, parameter in model.named_parameters():
            if "layernorm" in name and name.endswith("weight"):
                parameter.fill_(1)
            if name.endswith("projection.weight"):
                parameter[0] = 1 / parameter[0].numel()
            # Without queries and keys attention is even, so the class token gets the mean.
            if name.endswith(("v_proj.weight", "o_proj.weight")):
                parameter.copy_(torch.eye(4))
        # The last number of the labels is what bright pictures are, the others what dark ones are.
        model.classifier.weight[:, 0] = -5
        model.classifier.weight[-1, 0] = 5
    model.save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    ViTImageProcessorPil(size=size).save_pretrained(folder)
    return folder

"""The parts of an adapter file layer by layer, held against the layers' shapes; loads no torch.

LoRA: W + alpha / rank * B @ A (arXiv 2106.09685). LoKr: W + scale * kron(w1, w2), where w1 and w2
may each be stored as a product (arXiv 2309.14859, and the LyCORIS library); they are loaded whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from newbie_pipeline.errors import AdapterError
from newbie_pipeline.lora.keys import group_by_layer, refuse_kinds

Shape = tuple[int, ...]
LOKR_FACTORS = {
    "lokr_w1": ("lokr_w1_a", "lokr_w1_b"),
    "lokr_w2": ("lokr_w2_a", "lokr_w2_b"),
}


@dataclass(frozen=True)
class LayerParts:
    """What a file holds for one layer [out, in]: its keys by part, and their shapes by part."""

    file: str
    layer: str
    shape: Shape
    keys: Mapping[str, str]
    shapes: Mapping[str, Shape]

    @property
    def is_lokr(self) -> bool:
        """Whether these are the parts of a LoKr; else they are a LoRA's."""
        return any(part.startswith("lokr") for part in self.keys)

    def held(self) -> dict[str, Shape]:
        """Give the shapes of the tensors that the layer gets when the file is loaded.

        They are lora_A [rank, in] and lora_B [out, rank], or lokr_w1 and lokr_w2. Raises
        AdapterError where parts are missing, mixed, or do not fit the layer.
        """
        return self._lokr() if self.is_lokr else self._lora()

    def _lora(self) -> dict[str, Shape]:
        if not self.keys.keys() >= {"A", "B"}:
            raise AdapterError(
                f"{self.file}: {self.layer} has only {', '.join(self.keys.values())}; a "
                "LoRA needs both of its matrices"
            )
        down, up = self._matrix("A"), self._matrix("B")
        rank = down[0]
        if down[1] != self.shape[1]:
            raise self._mismatch("A", (rank, self.shape[1]))
        if up != (self.shape[0], rank):
            raise self._mismatch("B", (self.shape[0], rank))
        return {"lora_A": down, "lora_B": up}

    def _lokr(self) -> dict[str, Shape]:
        if self.keys.keys() & {"A", "B"}:
            raise AdapterError(f"{self.file}: {self.layer} has parts of both LoRA and LoKr")
        w1, w2 = (self._factor(whole, *pair) for whole, pair in LOKR_FACTORS.items())
        made = (w1[0] * w2[0], w1[1] * w2[1])
        if made != self.shape:
            keys = ", ".join(self.keys.values())
            raise AdapterError(
                f"{self.file}: keys {keys} make {list(made)} of {list(w1)} and "
                f"{list(w2)}, but {self.layer} is {list(self.shape)}"
            )
        return {"lokr_w1": w1, "lokr_w2": w2}

    def _factor(self, whole: str, left: str, right: str) -> Shape:
        found = {whole, left, right} & self.keys.keys()
        if found == {whole}:
            return self._matrix(whole)
        if found != {left, right}:
            raise AdapterError(
                f"{self.file}: {self.layer} has {', '.join(self.keys.values())}, which is "
                "not one complete LoRA or LoKr"
            )
        first, second = self._matrix(left), self._matrix(right)
        if first[1] != second[0]:
            raise self._mismatch(left, (first[0], second[0]))
        return first[0], second[1]

    def _matrix(self, part: str) -> Shape:
        shape = self.shapes[part]
        if len(shape) != 2 or 0 in shape:
            raise AdapterError(
                f"{self.file}: key {self.keys[part]} has shape {list(shape)}, not two dimensions"
            )
        return shape

    def _mismatch(self, part: str, wanted: Shape) -> AdapterError:
        return AdapterError(
            f"{self.file}: key {self.keys[part]} has shape {list(self.shapes[part])}, but "
            f"{self.layer} [{self.shape[0]}, {self.shape[1]}] needs {list(wanted)}"
        )


def parts_by_layer(
    file: str, tensors: Mapping[str, Shape], layers: Mapping[str, Shape]
) -> dict[str, LayerParts]:
    """Give each layer its parts, or raise AdapterError naming file, keys and shapes.

    `tensors` are the file's shapes by key, `layers` the model's linear layers [out, in]. Every key
    must fit, every layer be complete, and all layers be of one kind.
    """
    refuse_kinds(file, tensors)
    found = {}
    kinds: dict[bool, str] = {}
    for layer, keys in group_by_layer(file, tensors, layers).items():
        shapes = {part: tensors[key] for part, key in keys.items()}
        found[layer] = LayerParts(file, layer, layers[layer], keys, shapes)
        found[layer].held()
        kinds.setdefault(found[layer].is_lokr, layer)
    if len(kinds) > 1:
        raise AdapterError(
            f"{file} mixes LoRA ({kinds[False]}) and LoKr ({kinds[True]}); "
            "save the two kinds as two files"
        )
    return found

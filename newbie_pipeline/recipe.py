"""The recipe that a picture carries, and the PNG that carries it; loads no torch.

The recipe is JSON in an iTXt chunk with the keyword `newbie-recipe`; the prompt alone is in the
standard keyword `Description`, so that any viewer shows it. Both are UTF-8 and uncompressed. A WebP
file (`newbie_pipeline.smaller_files`) carries the same JSON in EXIF's UserComment.
"""

from io import BytesIO

from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from newbie_pipeline.errors import RecipeError
from newbie_pipeline.prompt.assist import AssistMode
from newbie_pipeline.user_comment import read_user_comment

KEYWORD = "newbie-recipe"
PROMPT_KEYWORD = "Description"
MAX_SEED = 2**63 - 1
# Measured on 1024 x 1024 pictures, level 1 against 4 and 6: a smooth one with grain takes 0.12 s
# against 0.28 and 0.83 s and is a fifth larger; noise gains nothing at any level. The larger file
# is the faster delivery on any line above about 13 Mbit/s.
ZLIB_LEVEL = 1


class Recipe(BaseModel):
    """Everything that is needed to draw the same picture again.

    `prompt` is what was drawn. Where a language model was asked for help (`assist`) and added to
    it, `written_prompt` is what the member wrote; else it is None and not stored. `adapters` are
    the LoRA and LoKr files in use, as NAME:WEIGHT; `prompt_weights` and `character_encoding` say
    how the prompt was read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    prompt: str
    negative_prompt: str = ""
    seed: int = Field(ge=0, le=MAX_SEED)
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    num_inference_steps: int = Field(gt=0)
    guidance_scale: float = Field(ge=0, allow_inf_nan=False)
    solver: str = "euler"
    model_name: str
    model_hash: str
    adapters: tuple[str, ...] = ()
    # Recipes that do not say it are from before weights were read.
    prompt_weights: bool = False
    character_encoding: str = "whole"
    version: str
    assist: AssistMode = AssistMode.OFF
    written_prompt: str | None = None

    @field_validator("written_prompt")
    @classmethod
    def _differs(cls, written: str | None, info: ValidationInfo) -> str | None:
        return None if written == info.data.get("prompt") else written


def encode_png(image: Image.Image | bytes, recipe: Recipe) -> bytes:
    """Encode a picture, or its raw RGB bytes row by row, as a PNG with the recipe inside.

    Raises RecipeError when the picture's size is not the recipe's.
    """
    size = (recipe.width, recipe.height)
    if isinstance(image, bytes):
        if len(image) != recipe.width * recipe.height * 3:
            raise RecipeError(f"{len(image)} bytes are no RGB picture of {size[0]} x {size[1]}")
        image = Image.frombytes("RGB", size, image)
    if image.size != size:
        raise RecipeError(f"the picture has size {image.size}, the recipe says {size}")
    text = PngInfo()
    text.add_itxt(KEYWORD, recipe.model_dump_json(exclude_none=True))
    text.add_itxt(PROMPT_KEYWORD, recipe.prompt)
    output = BytesIO()
    image.convert("RGB").save(output, "PNG", pnginfo=text, compress_level=ZLIB_LEVEL)
    return output.getvalue()


def read_recipe(file: bytes) -> Recipe:
    """Read the recipe back from a PNG or a WebP file.

    Raises RecipeError when the bytes are neither or carry no recipe.
    """
    try:
        return Recipe.model_validate_json(read_recipe_text(file))
    except ValidationError as error:
        raise RecipeError(
            f"the picture's recipe is damaged: {error.error_count()} errors"
        ) from error


def read_recipe_text(file: bytes) -> str:
    """Read the recipe's JSON as it stands in a PNG or a WebP file; raises RecipeError."""
    try:
        with Image.open(BytesIO(file), formats=["PNG", "WEBP"]) as image:
            if image.format == "PNG":
                text = image.info.get(KEYWORD)
            else:
                comment = image.getexif().get_ifd(ExifTags.IFD.Exif)
                text = read_user_comment(comment.get(ExifTags.Base.UserComment))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise RecipeError("not a readable PNG or WebP file") from error
    if text is None:
        raise RecipeError("the picture carries no recipe")
    return str(text)

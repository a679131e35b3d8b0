"""Sheets of pictures side by side, for people to look at."""

from pathlib import Path

from PIL import Image

MOST_PICTURES = 64
COLUMNS = 8
GAP = 4


class ContactSheets:
    """Collects the first pictures of each group and saves a sheet of them for each."""

    def __init__(self) -> None:
        self._groups: dict[str, list[Image.Image]] = {}

    def add(self, group: str, picture: Image.Image) -> None:
        """Take a picture into a group's sheet while there is room."""
        pictures = self._groups.setdefault(group, [])
        if len(pictures) < MOST_PICTURES:
            pictures.append(picture)

    def save(self, folder: Path) -> None:
        """Save all sheets into a folder, each under its group's name."""
        folder.mkdir(parents=True, exist_ok=True)
        for group, pictures in self._groups.items():
            sheet_of(pictures).save(folder / f"{group.replace(', ', '-')}.png")


def sheet_of(pictures: list[Image.Image]) -> Image.Image:
    """Put pictures of one size side by side, eight in a row."""
    width, height = pictures[0].size
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // COLUMNS)
    size = (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP)
    sheet = Image.new("RGB", size, "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        sheet.paste(picture, (GAP + column * (width + GAP), GAP + row * (height + GAP)))
    return sheet

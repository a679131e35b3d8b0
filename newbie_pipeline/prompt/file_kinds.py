"""Recognise files that are no prompt: binary ones by their first bytes, documents by their header.

A signature alone does not decide: "BM" and "MZ" begin words, too. A binary file also has control
characters near its start, which no text has.
"""

import re

A_BINARY_FILE = "a binary file"

# Where the signature stands, and what the file is then.
_SIGNATURES = (
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"RIFF", "a WebP picture or another RIFF file"),
    (4, b"ftyp", "an MP4 video or an AVIF or HEIC picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"II*\x00", "a TIFF picture"),
    (0, b"MM\x00*", "a TIFF picture"),
    (0, b"8BPS", "a Photoshop picture"),
    (0, b"\x1a\x45\xdf\xa3", "a WebM or Matroska video"),
    (0, b"ID3", "an MP3 file"),
    (0, b"OggS", "an Ogg file"),
    (0, b"fLaC", "a FLAC file"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old office document"),
    (0, b"MZ", "a Windows program"),
    (0, b"\x7fELF", "a Linux program"),
    (0, b"SQLite format 3", "an SQLite database"),
    (8, b'{"', "a safetensors file"),
)
# These can be ASCII from end to end, and still nobody means them as a prompt.
_DOCUMENTS = (
    (b"%PDF-", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"{\\rtf", "an RTF document"),
)

_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_START = 512


def kind_of_binary(data: bytes) -> str | None:
    """Tell what kind of binary file this is, if it is one that is known."""
    if not has_controls(data[:_START]):
        return None
    return next((kind for at, mark, kind in _SIGNATURES if data.startswith(mark, at)), None)


def kind_of_document(data: bytes) -> str | None:
    """Tell what kind of document of a word processor or printer this is, if it is one."""
    return next((kind for mark, kind in _DOCUMENTS if data.startswith(mark)), None)


def has_controls(data: bytes) -> bool:
    """Tell whether there are control characters that no text in a one-byte encoding has."""
    return _CONTROLS.search(data) is not None

"""Transport compression of the gateway: one stream per connection, flushed per message."""

import importlib
import zlib
from typing import Any, Protocol

ZLIB, ZSTD = "zlib-stream", "zstd-stream"


class Compressor(Protocol):
    """Turns one message into one binary frame."""

    def frame(self, text: str) -> bytes:
        """Return the compressed bytes of one whole message."""


class ZlibStream:
    """zlib with a shared context; each message ends with a sync flush."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def frame(self, text: str) -> bytes:
        """Return the compressed bytes of one whole message."""
        return self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class ZstdStream:
    """Zstandard with a shared context, from whichever package this Python has."""

    def __init__(self, module: Any) -> None:
        if hasattr(module, "ZstdCompressor") and hasattr(module.ZstdCompressor, "FLUSH_BLOCK"):
            self._stream = module.ZstdCompressor()
            self._flush: Any = (module.ZstdCompressor.FLUSH_BLOCK,)
            self._one_call = True
        else:
            self._stream = module.ZstdCompressor().compressobj()
            self._flush = (module.COMPRESSOBJ_FLUSH_BLOCK,)
            self._one_call = False

    def frame(self, text: str) -> bytes:
        """Return the compressed bytes of one whole message."""
        if self._one_call:
            return bytes(self._stream.compress(text.encode(), *self._flush))
        return bytes(self._stream.compress(text.encode()) + self._stream.flush(*self._flush))


def compressor_for(name: str | None) -> Compressor | None:
    """Return a compressor for the `compress` parameter; None means plain text frames.

    Raises ValueError for one that this Python cannot do.
    """
    if not name:
        return None
    if name == ZLIB:
        return ZlibStream()
    if name == ZSTD:
        for module in ("compression.zstd", "zstandard"):
            try:
                return ZstdStream(importlib.import_module(module))
            except ModuleNotFoundError:
                continue
    raise ValueError(f"cannot do transport compression {name}")

"""A token is a byte."""

from collections.abc import Iterable, Mapping

import numpy as np

from largemodels.data.tokenizers.base import Tokenizer, utf8


class ByteTokenizer(Tokenizer):
    """The 256 bytes of UTF-8 as tokens: id = byte.

    Nothing is learned and no text is unknown. English takes one id a letter, most
    other alphabets two, Chinese three, an emoji four.
    """

    def __init__(self, special_tokens: Iterable[str] | Mapping[str, int] = ()):
        super().__init__({i: bytes([i]) for i in range(256)}, special_tokens)

    def _ordinary(self, text):
        return np.frombuffer(utf8(text), dtype=np.uint8).astype(np.int64)

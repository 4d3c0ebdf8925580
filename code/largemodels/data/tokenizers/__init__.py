"""Tokenizers: text to integers and back, by bytes, by characters, by byte pairs.

base        what all tokenizers have in common, and what special tokens are
bytes       a token is a byte: 256 of them, and no text that they cannot spell
characters  a token is a character of a known set
pieces      how GPT-2 and GPT-4 cut a text before byte pairs are merged
bpe         byte-level byte-pair encoding
training    its merges, learned from a text
files       tokenizer.json and GPT-2's two files, read and written

The same in all wings: text becomes integers before any framework sees it.
"""

from largemodels.data.tokenizers.base import Tokenizer, bits_per_byte
from largemodels.data.tokenizers.bpe import BPETokenizer
from largemodels.data.tokenizers.bytes import ByteTokenizer
from largemodels.data.tokenizers.characters import CharacterTokenizer
from largemodels.data.tokenizers.files import load, load_gpt2, save

__all__ = [
    "BPETokenizer",
    "ByteTokenizer",
    "CharacterTokenizer",
    "Tokenizer",
    "bits_per_byte",
    "load",
    "load_gpt2",
    "save",
]

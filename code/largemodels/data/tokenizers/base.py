"""What all tokenizers have in common: encode, decode, vocab_size, special tokens."""

import math
import re
from collections.abc import Iterable, Mapping

import numpy as np

from largemodels.validation import one_of, whole_number

SPECIAL = ("refuse", "text", "token")


class Tokenizer:
    """Text to ids and back.

    A subclass says what its ordinary tokens are: it hands their bytes to
    `Tokenizer.__init__` and turns text without special tokens into ids in `_ordinary`.

    ordinary        the bytes of every ordinary token: {id: bytes}
    special_tokens  tokens that stand for no text, such as "<|endoftext|>": a sequence
                    of strings, which get the ids after the ordinary ones, or a
                    dictionary {string: id}

    Raises ValueError where a special token is empty or given twice, or where its bytes
    or its id belong to an ordinary token.
    """

    def __init__(
        self,
        ordinary: Mapping[int, bytes],
        special_tokens: Iterable[str] | Mapping[str, int] = (),
    ):
        if isinstance(special_tokens, str):
            raise TypeError(
                f"special_tokens must be a sequence of strings, got {special_tokens!r}"
            )
        if not isinstance(special_tokens, Mapping):
            special_tokens = _numbered(special_tokens, 1 + max(ordinary, default=-1))
        self.special_tokens = dict(special_tokens)
        self._bytes = dict(ordinary)
        spelled = set(self._bytes.values())
        for token, number in self.special_tokens.items():
            number = whole_number(f"the id of {token!r}", number)
            if not token or token.encode() in spelled or number in self._bytes:
                raise ValueError(
                    "a special token must be a string and an id that are not in use, "
                    f"got {token!r} with id {number}"
                )
            self._bytes[number] = token.encode()
        # Of two that begin alike, the longer is found.
        longest_first = sorted(self.special_tokens, key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    @property
    def vocab_size(self) -> int:
        """One more than the highest id: the rows that an embedding needs."""
        return 1 + max(self._bytes, default=-1)

    def encode(self, text: str, special: str = "refuse") -> np.ndarray:
        """The ids of a text, int64, (number of tokens,).

        special  what to do where the text spells a special token:
                 "refuse"  raise ValueError: text from others must not end a document
                           or begin an answer by naming the token that does
                 "text"    take it for ordinary text
                 "token"   give the special token's id; of two that begin alike, that
                           of the longer

        Raises TypeError where the text is no string, and ValueError where it has no
        UTF-8 (half a surrogate pair) or the tokenizer has no token for a character.
        """
        one_of("special", special, SPECIAL)
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {type(text).__name__}")
        if special == "text" or not (found := self._special.search(text)):
            return self._ordinary(text)
        if special == "refuse":
            raise ValueError(
                f"the text spells the special token {found[0]!r} at character "
                f"{found.start()}: choose special='text' or special='token'"
            )
        parts, end = [], 0
        for match in self._special.finditer(text):
            parts.append(self._ordinary(text[end : match.start()]))
            parts.append(np.array([self.special_tokens[match[0]]], dtype=np.int64))
            end = match.end()
        return np.concatenate([*parts, self._ordinary(text[end:])])

    def decode(self, ids) -> str:
        """The text that ids stand for.

        Bytes that are no UTF-8, such as half a character at the end of a sample, become
        U+FFFD, as bytes.decode(errors="replace") has it. Special tokens become their
        strings. decode(encode(text)) is the text. Raises as `decode_bytes` does.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids) -> bytes:
        """The bytes that ids stand for, exactly.

        ids: integers in one dimension, a list or an array. Raises ValueError for other
        shapes and for an id that no token has, TypeError where they are no integers.
        """
        array = np.asarray(ids)
        if array.ndim != 1:
            raise ValueError(f"ids must have one dimension, got shape {array.shape}")
        if array.size and array.dtype.kind not in "iu":
            raise TypeError(f"ids must be integers, got dtype {array.dtype}")
        try:
            return b"".join(map(self._bytes.__getitem__, array.tolist()))
        except KeyError as error:
            raise ValueError(
                f"ids must be of the vocabulary's {len(self._bytes)} tokens, "
                f"got {error.args[0]}"
            ) from None

    def _ordinary(self, text: str) -> np.ndarray:
        """The ids of a text in which nothing is special."""
        raise NotImplementedError


def utf8(text: str) -> bytes:
    """The bytes of a text; ValueError where it has half a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            "text must have an encoding in UTF-8, got "
            f"{text[error.start]!r} at character {error.start}"
        ) from None


def bits_per_byte(loss: float, num_tokens: int, num_bytes: int) -> float:
    """Bits that a model needs for a byte of text: loss num_tokens / (log 2 num_bytes).

    loss: mean cross-entropy in nats a token, over num_tokens tokens that spell
    num_bytes bytes of UTF-8. Whatever the tokenizer, the figures can be compared, as
    losses a token can not. Raises ValueError for a negative loss or NaN, or below one
    token or byte.
    """
    loss = float(loss)
    if not loss >= 0:
        raise ValueError(f"a cross-entropy must be at least 0, got {loss}")
    num_tokens = whole_number("num_tokens", num_tokens, minimum=1)
    num_bytes = whole_number("num_bytes", num_bytes, minimum=1)
    return loss * num_tokens / (math.log(2) * num_bytes)


def _numbered(tokens, start):
    tokens = list(tokens)
    for token in tokens:
        if not isinstance(token, str) or tokens.count(token) > 1:
            raise ValueError(
                f"special_tokens must be strings, each given once, got {tokens}"
            )
    return {token: number for number, token in enumerate(tokens, start)}

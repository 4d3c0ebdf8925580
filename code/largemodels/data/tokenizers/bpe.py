"""Byte-level byte-pair encoding: GPT-2's tokenizer, and GPT-4's."""

import heapq
from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np

from largemodels.data.tokenizers.base import Tokenizer, utf8
from largemodels.data.tokenizers.pieces import PATTERNS, cut
from largemodels.data.tokenizers.training import count_pieces, learn_merges
from largemodels.validation import one_of, whole_number

REMEMBERED = 1 << 18  # pieces of which the ids are kept


class BPETokenizer(Tokenizer):
    """Pieces of text, spelled in bytes, of which pairs are merged into tokens.

    A text is cut into pieces (`pieces.cut`), a piece is written in bytes, and as long
    as two neighbors form a merge, the pair whose merge was learned first is replaced by
    its token, the leftmost of equals. Every text has ids, because every byte is one.

    tokens          the bytes of the tokens: {bytes: id}, among them all single bytes
    merges          pairs of ids in the order of learning; what they spell is a token
    pattern         "gpt2", "gpt4", or None for no cut
    special_tokens  see Tokenizer
    whole_pieces    a piece that is a token gets its id without any merging, as tiktoken
                    has it and `ignore_merges` in a tokenizer.json

    Raises ValueError where a byte is no token or a merge spells none.

    Source: Sennrich et al. 2016, section 3.2; Radford et al. 2019, section 2.2.
    """

    def __init__(
        self,
        tokens: Mapping[bytes, int],
        merges: Iterable[tuple[int, int]],
        pattern: str | None = "gpt2",
        special_tokens: Iterable[str] | Mapping[str, int] = (),
        whole_pieces: bool = False,
    ):
        if pattern is not None:
            one_of("pattern", pattern, tuple(PATTERNS))
        self.tokens, self.pattern = dict(tokens), pattern
        self.merges = [tuple(pair) for pair in merges]
        self.whole_pieces = whole_pieces
        super().__init__({i: token for token, i in tokens.items()}, special_tokens)
        if len(self._bytes) < len(tokens) + len(self.special_tokens):
            raise ValueError("two tokens must not have one id")
        missing = [i for i in range(256) if bytes([i]) not in self.tokens]
        if missing:
            raise ValueError(f"every byte must be a token, got none for {missing}")
        self._byte_ids = [self.tokens[bytes([i])] for i in range(256)]
        self._merges = {
            pair: (rank, self._spelled(pair)) for rank, pair in enumerate(self.merges)
        }
        self._remembered = _Remembered(self._encode_piece)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        *,
        pattern: str | None = "gpt2",
        special_tokens: Iterable[str] = (),
        min_frequency: int = 1,
    ) -> "BPETokenizer":
        """A tokenizer with merges learned from texts (see `training.learn_merges`).

        texts       documents, or one string; no merge reaches from one to the next
        vocab_size  tokens in all, with the 256 bytes and the special tokens; fewer
                    where the texts have no more pairs

        Ids are the bytes in GPT-2's order, then merges, then special tokens: the same
        as those of `tokenizers` with initial_alphabet=ByteLevel.alphabet().
        """
        special_tokens = list(special_tokens)
        least = 256 + len(special_tokens)
        size = whole_number("vocab_size", vocab_size, minimum=least)
        whole_number("min_frequency", min_frequency)
        counts = count_pieces([texts] if isinstance(texts, str) else texts, pattern)
        tokens, merges = learn_merges(counts, size - len(special_tokens), min_frequency)
        numbered = {token: i for i, token in enumerate(tokens)}
        return cls(numbered, merges, pattern, special_tokens)

    @classmethod
    def from_ranks(
        cls,
        ranks: Mapping[bytes, int],
        pattern: str | None = "gpt4",
        special_tokens: Iterable[str] | Mapping[str, int] = (),
    ) -> "BPETokenizer":
        """A tokenizer from tiktoken's `mergeable_ranks`, with the ids of tiktoken.

        ranks: {bytes: id}, lower ids learned first; the pairs are found again. A pair
        that becomes a token has, at that moment, a boundary on either side, and no
        merge before it reached across. So it was merged as if it stood alone, and a
        token has one pair only: the two parts that the merges before it leave of its
        bytes. For the same reason it makes no difference that tiktoken lets any two
        tokens merge that spell a third.

        Raises ValueError for a token of which the tokens before it leave more than two
        parts: no training gives it.

        Source: openai/tiktoken, src/lib.rs, byte_pair_merge.
        """
        merges = {}
        for token, i in sorted(ranks.items(), key=lambda item: item[1]):
            if len(token) == 1:
                continue
            parts = merge([ranks[bytes([byte])] for byte in token], merges)
            if len(parts) != 2:
                raise ValueError(
                    f"a token must be a merge of two before it, got {token!r} = "
                    f"{parts} for {i}"
                )
            merges[tuple(parts)] = (i, i)
        return cls(ranks, merges, pattern, special_tokens)

    def _spelled(self, pair):
        """The id of the token that a pair spells."""
        parts = [self._bytes.get(i) for i in pair]
        if None in parts or b"".join(parts) not in self.tokens:
            raise ValueError(f"a merge must spell a token, got {pair}: {parts}")
        return self.tokens[b"".join(parts)]

    def _ordinary(self, text):
        utf8(text)
        remembered = self._remembered
        ids = bytearray().join(map(remembered.__getitem__, cut(text, self.pattern)))
        return np.frombuffer(ids, dtype=np.int64)

    def _encode_piece(self, piece):
        """The ids of a piece, as the bytes of an int64 array, which join fast."""
        spelled = piece.encode()
        if self.whole_pieces and spelled in self.tokens:
            ids = [self.tokens[spelled]]
        else:
            ids = merge([self._byte_ids[byte] for byte in spelled], self._merges)
        return np.array(ids, dtype=np.int64).tobytes()


def merge(
    ids: list[int], merges: Mapping[tuple[int, int], tuple[int, int]]
) -> list[int]:
    """Merge pairs until none is left: of the lowest rank first, then the leftmost.

    ids     tokens of a piece, at first one a byte; the list is used up
    merges  {(left, right): (rank, new id)}

    A place in the list keeps the places of its neighbors; the right one of a merged
    pair becomes None. The heap has every pair that can be merged, and some that are
    gone when they come up. n log n for n bytes, however long the piece.
    """
    n = len(ids)
    before, after = list(range(-1, n - 1)), list(range(1, n + 1))
    heap = [
        (*merges[pair], i) for i, pair in enumerate(pairwise(ids)) if pair in merges
    ]
    heapq.heapify(heap)
    while heap:
        _, new, i = heapq.heappop(heap)
        j = after[i]
        if j == n or merges.get((ids[i], ids[j]), (None, None))[1] != new:
            continue
        ids[i], ids[j] = new, None
        k = after[i] = after[j]
        if k < n:
            before[k] = i
            if found := merges.get((new, ids[k])):
                heapq.heappush(heap, (*found, i))
        if (h := before[i]) >= 0 and (found := merges.get((ids[h], new))):
            heapq.heappush(heap, (*found, h))
    return [i for i in ids if i is not None]


class _Remembered(dict):
    """What a function gave for each argument so far; all forgotten when full."""

    def __init__(self, function):
        self.function = function

    def __missing__(self, argument):
        if len(self) >= REMEMBERED:
            self.clear()
        value = self[argument] = self.function(argument)
        return value

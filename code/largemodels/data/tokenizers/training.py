"""The merges of byte-pair encoding, learned from a text.

Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units",
section 3.2, over bytes as in GPT-2 (Radford et al. 2019, section 2.2).
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise

from largemodels.data.tokenizers.base import utf8
from largemodels.data.tokenizers.pieces import cut

# GPT-2 numbers the bytes so that the visible ones of Latin-1 come first.
_VISIBLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
BYTE_ORDER = bytes(_VISIBLE + [i for i in range(256) if i not in _VISIBLE])
# byte -> id, for bytes.translate
BYTE_IDS = bytes(BYTE_ORDER.index(i) for i in range(256))


def count_pieces(texts: Iterable[str], pattern: str | None) -> Counter[str]:
    """How often each piece occurs in the texts (see `pieces.cut`)."""
    counts = Counter()
    for text in texts:
        counts.update(cut(text, pattern))
    return counts


def learn_merges(
    counts: dict[str, int], vocab_size: int, min_frequency: int = 1
) -> tuple[list[bytes], list[tuple[int, int]]]:
    """The tokens (id -> bytes) and the merges (pairs of ids) in the order of learning.

    Begins with the 256 bytes. The pair of neighbors that occurs most often becomes a
    token, of equals the pair with the smallest ids, and replaces the pair everywhere,
    from the left; until there are vocab_size tokens or no pair occurs min_frequency
    times. No two merges spell one token (see BPETokenizer.from_ranks for the reason).

    A merge changes counts only around the places where it happens. For every pair the
    words that have it are kept, and a heap gives the most frequent pair: a count in it
    may be outdated, which shows when it comes up, and is then put back in its place.

    Source: the rule for equals is that of BpeTrainer (huggingface/tokenizers,
    tokenizers/src/models/bpe/trainer.rs); the merges are the same.
    """
    tokens = [bytes([byte]) for byte in BYTE_ORDER]
    words = [list(utf8(piece).translate(BYTE_IDS)) for piece in counts]
    weights = list(counts.values())
    pair_counts = Counter()
    places = defaultdict(list)  # pair -> words that have it
    for i, (word, weight) in enumerate(zip(words, weights, strict=True)):
        for pair in pairwise(word):
            pair_counts[pair] += weight
            _note(places[pair], i)
    heap = [(-pair_counts[pair], pair, where) for pair, where in places.items()]
    heapq.heapify(heap)
    merges = []
    while heap and len(tokens) < vocab_size:
        count, pair, where = heap[0]
        if -count != pair_counts[pair]:
            heapq.heapreplace(heap, (-pair_counts[pair], pair, where))
            continue
        if -count < max(min_frequency, 1):
            break
        heapq.heappop(heap)
        new = len(tokens)
        tokens.append(tokens[pair[0]] + tokens[pair[1]])
        merges.append(pair)
        places = defaultdict(list)
        for i in where:
            for changed, by in _merge(words[i], *pair, new):
                pair_counts[changed] += by * weights[i]
                if by > 0:
                    _note(places[changed], i)
        for changed, where in places.items():
            if pair_counts[changed] > 0:
                heapq.heappush(heap, (-pair_counts[changed], changed, where))
    return tokens, merges


def _note(where, i):
    """Write a word down once; words come in order."""
    if not where or where[-1] != i:
        where.append(i)


def _merge(word, left, right, new):
    """Replace the pair in a list of ids, from the left; what pairs went and came.

    Returns [(pair, -1 or 1), ...] without the merged pairs themselves.
    """
    changes, i = [], -1
    while True:
        try:
            i = word.index(left, i + 1, -1)
        except ValueError:
            return changes
        if word[i + 1] != right:
            continue
        word[i : i + 2] = [new]
        if i > 0:
            before = word[i - 1]
            changes += [((before, left), -1), ((before, new), 1)]
        if i + 1 < len(word):
            after = word[i + 1]
            changes += [((right, after), -1), ((new, after), 1)]

"""Tokenizers: round trips, merges against the rule spelled out, safe special tokens."""

import math
import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from largemodels.data import stories
from largemodels.data.tokenizers import (
    BPETokenizer,
    ByteTokenizer,
    CharacterTokenizer,
    Tokenizer,
    bits_per_byte,
)
from largemodels.data.tokenizers.pieces import PATTERNS, cut
from largemodels.data.tokenizers.training import BYTE_ORDER

END = "<|endoftext|>"
SAMPLE = stories.text(60, seed=0) + "naïve café, Ünïcödé: 日本語 ½ 🙂\r\n\t  x  "


@pytest.fixture(scope="module")
def bpe():
    return BPETokenizer.train([SAMPLE], 400, special_tokens=[END])


def every_kind(bpe):
    return [
        ByteTokenizer([END]),
        CharacterTokenizer.from_text(SAMPLE, [END]),
        bpe,
        BPETokenizer(bpe.tokens, bpe.merges, "gpt4", [END]),
        BPETokenizer(bpe.tokens, bpe.merges, None, [END]),
    ]


def test_every_kind_speaks_one_protocol(bpe):
    for tokenizer in every_kind(bpe):
        assert isinstance(tokenizer, Tokenizer)
        ids = tokenizer.encode(SAMPLE)
        assert ids.dtype == np.int64
        assert ids.ndim == 1
        assert ids.flags.writeable
        assert 0 <= ids.min() <= ids.max() < tokenizer.vocab_size - 1
        assert tokenizer.special_tokens == {END: tokenizer.vocab_size - 1}
        assert tokenizer.decode(ids) == SAMPLE
        assert tokenizer.encode("").tolist() == []
        assert tokenizer.decode([]) == ""


@given(st.text())
def test_any_text_comes_back(bpe, string):
    for tokenizer in every_kind(bpe):
        if isinstance(tokenizer, CharacterTokenizer):
            tokenizer = CharacterTokenizer.from_text(string)
        assert tokenizer.decode(tokenizer.encode(string)) == string


@given(st.binary())
def test_any_bytes_decode_with_replacement(bpe, content):
    expected = content.decode("utf-8", errors="replace")
    ids = np.frombuffer(content, np.uint8)
    assert ByteTokenizer().decode(ids) == expected
    ids = [bpe.tokens[bytes([byte])] for byte in content]
    assert bpe.decode(ids) == expected
    assert bpe.decode_bytes(ids) == content


def test_half_a_character_is_the_replacement_character():
    euro = ByteTokenizer().encode("€")
    assert euro.tolist() == [0xE2, 0x82, 0xAC]
    assert ByteTokenizer().decode(euro[:2]) == "\ufffd"


# Pieces

CUTS = {
    "gpt2": {
        "I've 123 dogs!!  ok\n\n": "I|'ve| 123| dogs|!!| | ok|\n\n",
        "DON'T don't": "DON|'|T| don|'t",
        "a\x1cb \x85 c": "a|\x1c|b| \x85| c",  # U+001C is no white space
        "été日本 ²Ⅷ9": "été日本| ²Ⅷ9",
        "'ſx": "'|ſx",
    },
    "gpt4": {
        "I've 1234 dogs!!\n x\r\n": "I|'ve| |123|4| dogs|!!\n| x|\r\n",
        "DON'T don't": "DON|'T| don|'t",
        "a\x1cb (c \x85d": "a|\x1cb| (|c| |\x85d",
        "é日 ²Ⅷ9½": "é日| |²Ⅷ9|½",
        "'ſx": "'ſ|x",  # the long s is an s where case is ignored
    },
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pieces_are_the_published_ones(pattern):
    for string, pieces in CUTS[pattern].items():
        assert cut(string, pattern) == pieces.split("|")


@given(st.text(), st.sampled_from([*PATTERNS, None]))
def test_pieces_make_up_the_text(string, pattern):
    pieces = cut(string, pattern)
    assert "".join(pieces) == string
    assert "" not in pieces


# Byte pairs


def merged(ids, pair, new):
    """A pair replaced from the left, everywhere."""
    out = []
    for i in ids:
        if out and (out[-1], i) == pair and out[-1] is not None:
            out[-1] = new
        else:
            out.append(i)
    return out


def learn_slowly(texts, vocab_size, pattern):
    """Count everything anew for every merge; of equals the smallest pair."""
    words = Counter(piece for string in texts for piece in cut(string, pattern))
    words = [([BYTE_ORDER.index(b) for b in w.encode()], n) for w, n in words.items()]
    merges = []
    while 256 + len(merges) < vocab_size:
        counts = Counter()
        for word, n in words:
            for pair in pairwise(word):
                counts[pair] += n
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        new = 256 + len(merges)
        words = [(merged(word, best, new), n) for word, n in words]
        merges.append(best)
    return merges


def encode_slowly(tokenizer, string):
    """Merge after merge, in the order of learning, over every piece."""
    ids = []
    for piece in cut(string, tokenizer.pattern):
        word = [tokenizer.tokens[bytes([byte])] for byte in piece.encode()]
        for i, pair in enumerate(tokenizer.merges):
            word = merged(word, pair, 256 + i)
        ids += word
    return ids


@pytest.mark.parametrize("alphabet", ["ab", "ab c", "aé日's \n1"])
@pytest.mark.parametrize("pattern", ["gpt2", None])
def test_merges_follow_the_rule(alphabet, pattern):
    rng = random.Random(0)
    for _ in range(12):
        texts = ["".join(rng.choices(alphabet, k=rng.randint(1, 200))) for _ in "123"]
        tokenizer = BPETokenizer.train(texts, 310, pattern=pattern)
        assert tokenizer.merges == learn_slowly(texts, 310, pattern)
        string = "".join(rng.choices(alphabet, k=150))
        assert tokenizer.encode(string).tolist() == encode_slowly(tokenizer, string)
        # No two merges spell one token, so the ranks alone say which they are.
        assert len(tokenizer.tokens) == 256 + len(tokenizer.merges)
        again = BPETokenizer.from_ranks(tokenizer.tokens, pattern)
        assert again.merges == tokenizer.merges


def test_training_on_stories():
    told, held_out = stories.text(40, seed=1), stories.text(40, seed=2)
    tokenizer = BPETokenizer.train(told, 500)
    assert tokenizer.vocab_size == 500
    assert tokenizer.merges[:60] == learn_slowly([told], 316, "gpt2")
    assert tokenizer.encode(held_out).size < 0.4 * len(held_out)


def test_rare_pairs_are_left_alone():
    tokenizer = BPETokenizer.train("ab ab ab cd", 300, min_frequency=2)
    assert sorted(tokenizer.tokens)[-1:] != [b"cd"]
    spelled = {token for token in tokenizer.tokens if len(token) > 1}
    assert spelled == {b"ab", b" ab"}
    assert BPETokenizer.train("", 300).vocab_size == 256


def test_a_long_piece_takes_no_square_of_its_length(bpe):
    assert bpe.decode(bpe.encode("ab" * 100_000)) == "ab" * 100_000


def test_whole_pieces_skip_the_merges():
    tokens = {bytes([i]): i for i in range(256)} | {b"abc": 256}
    assert BPETokenizer(tokens, [], None).encode("abc").size == 3
    whole = BPETokenizer(tokens, [], None, whole_pieces=True)
    assert whole.encode("abc").tolist() == [256]


def test_forgetting_changes_no_ids(bpe, monkeypatch):
    expected = bpe.encode(SAMPLE)
    monkeypatch.setattr("largemodels.data.tokenizers.bpe.REMEMBERED", 3)
    small = BPETokenizer(bpe.tokens, bpe.merges, "gpt2", [END])
    assert (small.encode(SAMPLE) == expected).all()
    assert len(small._remembered) <= 3


def test_bits_per_byte_are_the_same_for_every_tokenizer(bpe):
    """A model that gives each byte 1/256 needs 8 bits, however the text is cut."""
    size = len(SAMPLE.encode())
    for tokenizer in every_kind(bpe):
        ids = tokenizer.encode(SAMPLE)
        losses = [len(tokenizer.decode_bytes([i])) * math.log(256) for i in ids]
        bits = bits_per_byte(np.mean(losses), len(ids), size)
        assert bits == pytest.approx(8, rel=1e-12, abs=0)  # roundings in float64
    for wrong in ((-1, 1, 1), (math.nan, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="must be at least"):
            bits_per_byte(*wrong)


# Special tokens


def test_a_special_token_in_a_text_is_refused_unless_allowed(bpe):
    string = f"one{END}two"
    for tokenizer in every_kind(bpe):
        with pytest.raises(ValueError, match=r"'<\|endoftext\|>' at character 3"):
            tokenizer.encode(string)
        if not isinstance(tokenizer, CharacterTokenizer):
            plain = tokenizer.encode(string, special="text")
            assert tokenizer.special_tokens[END] not in plain
            assert tokenizer.decode(plain) == string
        ids = tokenizer.encode(string, special="token")
        assert np.count_nonzero(ids == tokenizer.special_tokens[END]) == 1
        parts = [tokenizer.encode("one"), tokenizer.encode("two")]
        assert len(ids) == sum(map(len, parts)) + 1
        assert tokenizer.decode(ids) == string


def test_of_two_special_tokens_the_longer_is_found():
    tokenizer = ByteTokenizer({"<a>": 300, "<a>b": 301})
    assert tokenizer.vocab_size == 302
    ids = tokenizer.encode("<a><a>b", special="token")
    assert ids.tolist() == [300, 301]


# Refusals


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda b: b.decode([0, 400]), ValueError, "400 tokens, got 400"),
        (lambda b: b.decode([-1]), ValueError, "got -1"),
        (lambda b: b.decode([1.0]), TypeError, "integers, got dtype float64"),
        (lambda b: b.decode([[1]]), ValueError, r"one dimension, got shape \(1, 1\)"),
        (lambda b: b.encode(b"ab"), TypeError, "a string, got bytes"),
        (lambda b: b.encode("a\ud800"), ValueError, r"'\\ud800' at character 1"),
        (lambda b: b.encode("a", special="ignore"), ValueError, "one of refuse, text"),
        (lambda _: BPETokenizer.train("a", 255), ValueError, "at least 256, got 255"),
        (
            lambda _: BPETokenizer.train("a", 256, special_tokens=[END]),
            ValueError,
            "at least 257, got 256",
        ),
        (lambda _: BPETokenizer.train("a", 300, pattern="x"), ValueError, "gpt2, gpt4"),
        (lambda b: BPETokenizer({b"a": 0}, []), ValueError, "every byte must be"),
        (
            lambda b: BPETokenizer(b.tokens, [(0, 1)]),
            ValueError,
            r"must spell a token, got \(0, 1\)",
        ),
        (
            lambda b: BPETokenizer({**b.tokens, b"new": 0}, []),
            ValueError,
            "two tokens must not have one id",
        ),
        (
            lambda b: BPETokenizer.from_ranks({**b.tokens, b"zqx": 1000}),
            ValueError,
            "a merge of two before it, got b'zqx'",
        ),
        (lambda _: ByteTokenizer(["a"]), ValueError, "not in use, got 'a' with id 256"),
        (lambda _: ByteTokenizer({END: 7}), ValueError, "not in use"),
        (lambda _: ByteTokenizer([""]), ValueError, "not in use"),
        (lambda _: ByteTokenizer([END, END]), ValueError, "each given once"),
        (lambda _: ByteTokenizer(END), TypeError, "a sequence of strings"),
        (lambda _: CharacterTokenizer("aba"), ValueError, "must differ, got 'a' twice"),
        (
            lambda _: CharacterTokenizer("ab").encode("abcb"),
            ValueError,
            "of the 2 known characters, got 'c' at character 2",
        ),
    ],
)
def test_what_has_no_answer_is_refused(bpe, call, error, words):
    with pytest.raises(error, match=words):
        call(bpe)

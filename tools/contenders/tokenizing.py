"""Byte-pair encoding: its training and its encoding, against two libraries in Rust."""

import tempfile
from functools import cache, partial
from pathlib import Path

import numpy as np
from largemodels.data import stories, text
from largemodels.data.tokenizers import BPETokenizer, save
from largemodels.data.tokenizers.pieces import PATTERNS

from tools.contenders.timing import Group, Row

LENGTH, VOCABULARY = 3_000_000, 4096
SAMPLE = 20_000  # characters that trained tokenizers are compared on


def documentation():
    """Three megabytes of English: every character is one byte."""
    return text.documentation()[:LENGTH]


SIZES = documentation, VOCABULARY
SMALL = partial(stories.text, 20, seed=0), 300  # for tests


@cache
def corpus(source):
    """The text of a source, made once."""
    return source()


def training(sizes):
    """Tokenizers that learn the same merges from one text.

    sizes: (function that returns the text, tokens in the vocabulary)
    """
    source, vocabulary = sizes
    given = corpus(source)
    sample = given[:SAMPLE]

    def ours():
        tokenizer = BPETokenizer.train(given, vocabulary)
        return lambda: tokenizer.encode(sample)

    def theirs():
        tokenizer = byte_level()
        tokenizer.train_from_iterator([given], trainer(vocabulary))
        return lambda: tokenizer.encode(sample).ids

    return {"ours": lambda: ours, "tokenizers": lambda: theirs}


def byte_level():
    """An untrained byte-level tokenizer of the library `tokenizers`."""
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers

    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def trainer(vocabulary):
    """Its trainer, for our numbers of tokens."""
    from tokenizers import pre_tokenizers, trainers

    return trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[],
        show_progress=False,
    )


def encoding(sizes):
    """Tokenizers with one vocabulary that encode the text it was learned from.

    Ours begins every time without remembering a piece.
    """
    source, vocabulary = sizes
    given = corpus(source)
    return {
        "ours": partial(our_encoding, given, vocabulary),
        "tokenizers": partial(hugging_face_encoding, given, vocabulary),
        "tiktoken": partial(tiktoken_encoding, given, vocabulary),
    }


@cache
def trained(given, vocabulary):
    """Our tokenizer, trained once for the three."""
    return BPETokenizer.train(given, vocabulary)


def our_encoding(given, vocabulary):
    """A text encoded by a new copy of our tokenizer, which remembers nothing yet."""
    learned = trained(given, vocabulary)
    return lambda: BPETokenizer(learned.tokens, learned.merges).encode(given)


def hugging_face_encoding(given, vocabulary):
    """A text encoded by `tokenizers`, from the file that ours is saved to."""
    import tokenizers

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        save(trained(given, vocabulary), path)
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    return lambda: tokenizer.encode(given).ids


def tiktoken_encoding(given, vocabulary):
    """A text encoded by tiktoken, with the ranks of ours."""
    import tiktoken

    ranks = trained(given, vocabulary).tokens
    encoder = tiktoken.Encoding(
        "bench", pat_str=PATTERNS["gpt2"], mergeable_ranks=ranks, special_tokens={}
    )
    return lambda: encoder.encode_ordinary(given)


def training_rows(sizes):
    """The time of training against theirs."""
    return (Row("BPE training / tokenizers", "ours", "tokenizers"),)


def encoding_rows(sizes):
    """The rate of encoding, and its time against theirs."""
    megabytes = len(corpus(sizes[0]).encode()) / 1e6
    return (
        Row("BPE encoding", "ours", None, 3.0, amount=megabytes, unit="MB/s"),
        Row("BPE encoding / tokenizers", "ours", "tokenizers"),
        Row("BPE encoding / tiktoken", "ours", "tiktoken"),
    )


GROUPS = (
    Group(
        "bpe-training",
        "BPE training: 4,096 tokens from 3 MB of documentation",
        training,
        SIZES,
        training_rows,
        steps=1,
        warm=False,
        why="one step a turn: it takes seconds",
        value=lambda encode: np.asarray(encode()),
        rtol=0.0,
        atol=0.0,
    ),
    Group(
        "bpe-encoding",
        "BPE encoding: 3 MB of documentation, 4,096 tokens, no piece remembered",
        encoding,
        SIZES,
        encoding_rows,
        steps=1,
        warm=False,
        why="one step a turn: it takes 0.2 s and more",
        value=np.asarray,
        rtol=0.0,
        atol=0.0,
    ),
)

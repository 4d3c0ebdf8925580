"""Text files as one array of tokens, made once and kept beside the run."""

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from largemodels.data import tokenizers
from largemodels.validation import real_number, whole_number

END = "<|endoftext|>"  # after every document
SAMPLE = 20_000_000  # characters from which the merges of a bpe are learned
TOKENS, TOKENIZER, DIGEST = "tokens.npy", "tokenizer.json", "tokens.json"


def read_documents(path):
    """(name, text) of a text file, or of every file in a folder, in order of names.

    Hidden files and folders are left out. Raises FileNotFoundError where nothing is
    there, ValueError that names a file which is no UTF-8.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there are no data at {path}")
    files = [path]
    if path.is_dir():
        files = [
            file
            for file in sorted(path.rglob("*"))
            if file.is_file()
            and not any(p.startswith(".") for p in file.relative_to(path).parts)
        ]
    for file in files:
        try:
            text = file.read_text("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{file} is no UTF-8 text: byte {error.start} is "
                f"{error.object[error.start]:#x}"
            ) from error
        if text:
            yield file.name, text


def token_file(data, tokenizer, bpe_size, folder):
    """Make the tokenizer and the tokens of the data in a folder, unless they are there.

    data       a text file, or a folder of them
    tokenizer  "bytes", "characters", "bpe", or the path of a tokenizer.json
    bpe_size   tokens of a bpe that is trained

    Every document is followed by the token "<|endoftext|>". Returns the folder. Raises
    ValueError where there is no text, or the folder holds the tokens of other data.
    """
    folder = Path(folder)
    sign = _sign(data, tokenizer, bpe_size)
    if (folder / DIGEST).exists():
        kept = json.loads((folder / DIGEST).read_text("utf-8"))
        if kept != sign:
            raise ValueError(
                f"{folder} holds a run on other data, or with another tokenizer: "
                "choose another folder"
            )
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    made = _make_tokenizer(data, tokenizer, bpe_size)
    kind = np.uint16 if made.vocab_size <= 2**16 else np.uint32
    end = [made.special_tokens[END]] if END in made.special_tokens else []
    parts = []
    for _, text in read_documents(data):
        parts += [made.encode(text, special="text").astype(kind), np.array(end, kind)]
    tokenizers.save(made, folder / TOKENIZER)
    _replace(folder / TOKENS, lambda file: np.save(file, np.concatenate(parts)))
    _replace(folder / DIGEST, lambda file: file.write(json.dumps(sign).encode()))
    return folder


def _sign(data, tokenizer, bpe_size):
    """What tells whether tokens are those of these data and this tokenizer."""
    digest, count = hashlib.sha256(), 0
    for name, text in read_documents(data):
        digest.update(f"{name}\0{len(text)}\0".encode())
        digest.update(text.encode())
        count += len(text)
    if not count:
        raise ValueError(f"there is no text in {data}")
    return {
        "text": digest.hexdigest(),
        "characters": count,
        "tokenizer": tokenizer,
        "bpe_size": bpe_size if tokenizer == "bpe" else None,
    }


def _make_tokenizer(data, name, bpe_size):
    texts = (text for _, text in read_documents(data))
    if name == "bytes":
        return tokenizers.ByteTokenizer([END])
    if name == "characters":
        known = set().union(*map(set, texts))
        return tokenizers.CharacterTokenizer("".join(sorted(known)), [END])
    if name == "bpe":
        sample = _sample(texts)
        return tokenizers.BPETokenizer.train(sample, bpe_size, special_tokens=[END])
    if not Path(name).is_file():
        raise FileNotFoundError(
            "tokenizer must be bytes, characters, bpe or the path of a tokenizer.json, "
            f"got {name!r}"
        )
    return tokenizers.load(name)


def _sample(texts):
    """The first documents, up to SAMPLE characters."""
    left = SAMPLE
    for text in texts:
        if left <= 0:
            return
        yield text[:left]
        left -= len(text)


def _replace(path, write):
    """Write a file under another name, and give it its name when it is whole."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@dataclass(frozen=True, eq=False)
class Corpus:
    """Sequences of T + 1 tokens from a file of tokens, for training and held out.

    tokens            (n,), read from the disk as they are asked for
    context_length    T
    validation_share  of the tokens, at the end, that are held out

    Sequence i of a part begins at its token i T: its T inputs and T targets, each the
    token after. Raises ValueError where a part has no whole sequence.
    """

    tokens: np.ndarray
    context_length: int
    validation_share: float = 0.1

    def __post_init__(self):
        whole_number("context_length", self.context_length, minimum=1)
        real_number("validation_share", self.validation_share, 0.0, 0.9)
        parts = {"training": self.num_training}
        if self.validation_share:
            parts["validation"] = self.num_validation
        for name, number in parts.items():
            if number < 1:
                raise ValueError(
                    f"the data are too short: {len(self.tokens)} tokens leave the "
                    f"{name} part no sequence of {self.context_length} + 1"
                )

    @classmethod
    def open(cls, folder, context_length, validation_share=0.1):
        """The corpus of a folder that `token_file` has made."""
        tokens = np.load(Path(folder) / TOKENS, mmap_mode="r")
        return cls(tokens, context_length, validation_share)

    @property
    def border(self) -> int:
        """Where the held-out tokens begin."""
        return len(self.tokens) - round(len(self.tokens) * self.validation_share)

    @property
    def num_training(self) -> int:
        """Sequences to train on."""
        return (self.border - 1) // self.context_length

    @property
    def num_validation(self) -> int:
        """Sequences held out."""
        return (len(self.tokens) - self.border - 1) // self.context_length

    def training(self, indices):
        """Inputs and targets of sequences to train on, (b, T) int64 each."""
        return self._read(indices, 0)

    def validation(self, indices):
        """Inputs and targets of held-out sequences, (b, T) int64 each."""
        return self._read(indices, self.border)

    def _read(self, indices, start):
        T = self.context_length
        at = start + np.asarray(indices)[:, None] * T + np.arange(T + 1)
        rows = self.tokens[at].astype(np.int64)
        return rows[:, :-1], rows[:, 1:]

"""Tokenizers in files: tokenizer.json, and GPT-2's vocab.json with merges.txt.

tokenizer.json is the format of Hugging Face's `tokenizers`, which reads what `save`
writes and writes what `load` reads, as far as the kinds of this package go.
"""

import json
import os
from pathlib import Path

from largemodels.data.tokenizers.base import Tokenizer
from largemodels.data.tokenizers.bpe import BPETokenizer
from largemodels.data.tokenizers.bytes import ByteTokenizer
from largemodels.data.tokenizers.characters import CharacterTokenizer
from largemodels.data.tokenizers.pieces import PATTERNS
from largemodels.data.tokenizers.training import BYTE_ORDER

# The files write a byte as a visible character: the visible bytes of Latin-1 as
# themselves, the others as U+0100 on; a space is "Ġ".
# Source: openai/gpt-2, src/encoder.py, bytes_to_unicode.
SYMBOLS = {
    byte: chr(byte) if place < 188 else chr(256 + place - 188)
    for place, byte in enumerate(BYTE_ORDER)
}
BYTES = {symbol: byte for byte, symbol in SYMBOLS.items()}
ENCODED = str.maketrans({chr(byte): symbol for byte, symbol in SYMBOLS.items()})
EVERY_CHARACTER = r"[\s\S]"


def save(tokenizer: Tokenizer, path: str | os.PathLike) -> None:
    """Write a tokenizer as tokenizer.json.

    Raises TypeError for a tokenizer that this package has not made, and ValueError
    where a special token looks like another token as the file writes it.
    """
    if isinstance(tokenizer, BPETokenizer):
        model, before, decoder = _bpe(tokenizer)
    elif isinstance(tokenizer, ByteTokenizer):
        vocab = {SYMBOLS[i]: i for i in range(256)}
        model, before, decoder = _bpe_model(vocab, [], False), _byte_level(None), None
    elif isinstance(tokenizer, CharacterTokenizer):
        vocab = {character: i for i, character in enumerate(tokenizer.characters)}
        model = {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"}
        before, decoder = _split(EVERY_CHARACTER), {"type": "Fuse"}
    else:
        raise TypeError(f"no tokenizer of this package: {type(tokenizer).__name__}")
    for token, number in tokenizer.special_tokens.items():
        if token in model["vocab"]:
            raise ValueError(f"the file would write another token as {token!r} too")
        model["vocab"][token] = number
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added(*item) for item in tokenizer.special_tokens.items()],
        "normalizer": None,
        "pre_tokenizer": before,
        "post_processor": None,
        "decoder": decoder or _byte_level(None),
        "model": model,
    }
    text = json.dumps(content, ensure_ascii=False, indent=2)
    Path(path).write_text(text + "\n", encoding="utf-8")


def load(path: str | os.PathLike) -> Tokenizer:
    """Read a tokenizer.json of one of the kinds of this package.

    Raises ValueError that names the part of the file that no tokenizer here has, such
    as a normalizer, or a model that is not byte-level BPE.
    """
    content = json.loads(Path(path).read_text("utf-8"))
    try:
        model, before = content["model"], content["pre_tokenizer"]
        added = content.get("added_tokens", [])
        for name in ("normalizer", "post_processor", "truncation", "padding"):
            _expect(path, name, _harmless(content.get(name)), None)
        special = {token["content"]: token["id"] for token in added}
        for token in added:
            for name in ("single_word", "lstrip", "rstrip"):
                _expect(path, f"added_tokens: {name}", token.get(name, False), False)
        vocab = {
            token: i for token, i in model["vocab"].items() if token not in special
        }
        if model["type"] == "WordLevel":
            _expect(path, "pre_tokenizer", before, _split(EVERY_CHARACTER))
            return _characters(path, vocab, special)
        _expect(path, "model: type", model["type"], "BPE")
        return _read_bpe(path, model, before, vocab, special)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no tokenizer.json: {error!r}") from error


def load_gpt2(
    vocab_path: str | os.PathLike, merges_path: str | os.PathLike
) -> BPETokenizer:
    """GPT-2's tokenizer from vocab.json and merges.txt (encoder.json and vocab.bpe).

    "<|endoftext|>" is its special token. Raises ValueError where a file is damaged.
    """
    vocab = json.loads(Path(vocab_path).read_text("utf-8"))
    special = {t: vocab.pop(t) for t in ("<|endoftext|>",) if t in vocab}
    lines = Path(merges_path).read_text("utf-8").split("\n")
    if lines[0].startswith("#version"):
        del lines[0]
    merges = [line for line in lines if line]
    return _make_bpe(merges_path, vocab, merges, "gpt2", special, False)


def _bpe(tokenizer):
    vocab = {_symbols(token): i for token, i in tokenizer.tokens.items()}
    by_id = {i: symbols for symbols, i in vocab.items()}
    merges = [[by_id[left], by_id[right]] for left, right in tokenizer.merges]
    model = _bpe_model(vocab, merges, tokenizer.whole_pieces)
    return model, _byte_level(tokenizer.pattern), None


def _bpe_model(vocab, merges, whole_pieces):
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": whole_pieces,
        "vocab": dict(sorted(vocab.items(), key=lambda item: item[1])),
        "merges": merges,
    }


def _byte_level(pattern):
    """What cuts the text and writes its bytes as visible characters."""
    level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": pattern == "gpt2",
    }
    if pattern in (None, "gpt2"):
        return level
    return {
        "type": "Sequence",
        "pretokenizers": [_split(PATTERNS[pattern]), level],
    }


def _split(pattern):
    return {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }


def _added(token, number):
    return {
        "id": number,
        "content": token,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def _harmless(part):
    """A part of the file, or None where it changes no ids."""
    if isinstance(part, dict) and part.get("type") == "ByteLevel":
        return None  # as post-processor: it moves offsets, not ids
    return part


def _characters(path, vocab, special):
    in_order = sorted(vocab, key=vocab.get)
    if [*map(vocab.get, in_order)] != [*range(len(vocab))]:
        raise ValueError(f"{path}: the ids of characters must be 0, 1, 2, ...")
    return CharacterTokenizer("".join(in_order), special)


def _read_bpe(path, model, before, vocab, special):
    pattern = next(
        (name for name in (*PATTERNS, None) if _cuts_alike(before, name)), "unknown"
    )
    if pattern == "unknown":
        raise ValueError(f"{path}: no tokenizer here has pre_tokenizer {before}")
    usual = _bpe_model({}, [], False)
    for name in usual.keys() - {"type", "ignore_merges", "vocab", "merges"}:
        _expect(path, f"model: {name}", model.get(name) or None, usual[name] or None)
    merges, whole = model["merges"], model.get("ignore_merges", False)
    if pattern is None and vocab == {SYMBOLS[i]: i for i in range(256)}:
        return ByteTokenizer(special)
    return _make_bpe(path, vocab, merges, pattern, special, whole)


def _cuts_alike(before, pattern):
    """Whether a pre_tokenizer of a file is that of a pattern; offsets are not asked."""
    if not isinstance(before, dict):
        return False
    level = {**_byte_level(None), "use_regex": True}
    if before.get("type") == "ByteLevel":
        level["use_regex"] = pattern == "gpt2"
        given = {**level, **before, "use_regex": before.get("use_regex", True)}
        return pattern != "gpt4" and {**given, "trim_offsets": True} == level
    parts = before.get("pretokenizers", [])
    if pattern is None or before.get("type") != "Sequence" or len(parts) != 2:
        return False
    return parts[0] == _split(PATTERNS[pattern]) and _cuts_alike(parts[1], None)


def _make_bpe(path, vocab, merges, pattern, special, whole):
    """A BPETokenizer from the file's symbols; a merge is a pair or "left right"."""
    try:
        pairs = [m.split(" ") if isinstance(m, str) else m for m in merges]
        ids = [(vocab[left], vocab[right]) for left, right in pairs]
        tokens = {_unsymbols(token): i for token, i in vocab.items()}
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{path} has a token that is not byte-level: {error}"
        ) from None
    return BPETokenizer(tokens, ids, pattern, special, whole)


def _symbols(token):
    return token.decode("latin-1").translate(ENCODED)


def _unsymbols(symbols):
    return bytes(BYTES[symbol] for symbol in symbols)


def _expect(path, name, given, expected):
    if given != expected:
        raise ValueError(f"{path}: no tokenizer here has {name} {given!r}")

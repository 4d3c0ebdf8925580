"""tokenizer.json and GPT-2's two files: written, read, and refused where not ours."""

import json

import pytest
from largemodels.data import stories
from largemodels.data.tokenizers import (
    BPETokenizer,
    ByteTokenizer,
    CharacterTokenizer,
    load,
    load_gpt2,
    save,
)
from largemodels.data.tokenizers.files import SYMBOLS

END = "<|endoftext|>"
SAMPLE = stories.text(20, seed=0) + "naïve café 日本 🙂\r\n\t x"


@pytest.fixture(scope="module")
def bpe():
    return BPETokenizer.train([SAMPLE], 350, special_tokens=[END])


def kinds(bpe):
    return {
        "bytes": ByteTokenizer([END]),
        "characters": CharacterTokenizer.from_text(SAMPLE, [END]),
        "gpt2": bpe,
        "gpt4": BPETokenizer(bpe.tokens, bpe.merges, "gpt4", {END: 1000}),
        "whole": BPETokenizer(bpe.tokens, bpe.merges, None, [END], True),
    }


def content_of(path):
    return json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("kind", ["bytes", "characters", "gpt2", "gpt4", "whole"])
def test_what_is_saved_is_loaded(bpe, tmp_path, kind):
    tokenizer = kinds(bpe)[kind]
    save(tokenizer, tmp_path / "tokenizer.json")
    loaded = load(tmp_path / "tokenizer.json")
    assert type(loaded) is type(tokenizer)
    assert loaded.special_tokens == tokenizer.special_tokens
    assert loaded.vocab_size == tokenizer.vocab_size
    for name in ("tokens", "merges", "pattern", "whole_pieces", "characters"):
        assert getattr(loaded, name, None) == getattr(tokenizer, name, None)
    ids = loaded.encode(SAMPLE + END, special="token")
    assert (ids == tokenizer.encode(SAMPLE + END, special="token")).all()
    assert loaded.decode(ids) == SAMPLE + END
    first = (tmp_path / "tokenizer.json").read_bytes()
    save(loaded, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == first


def test_bytes_are_written_as_gpt2_writes_them():
    assert [SYMBOLS[byte] for byte in b" \n\x00Aa~\x7f\xa0\xad"] == [*"ĠĊĀAa~ġłŃ"]
    assert len(set(SYMBOLS.values())) == 256


def test_gpt2_s_two_files(bpe, tmp_path):
    save(bpe, tmp_path / "tokenizer.json")
    model = content_of(tmp_path / "tokenizer.json")["model"]
    lines = ["#version: 0.2", *map(" ".join, model["merges"]), ""]
    (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]), "utf-8")
    (tmp_path / "merges.txt").write_text("\n".join(lines), "utf-8")
    loaded = load_gpt2(tmp_path / "vocab.json", tmp_path / "merges.txt")
    assert loaded.tokens == bpe.tokens
    assert loaded.merges == bpe.merges
    assert loaded.special_tokens == {END: 349}
    assert loaded.pattern == "gpt2"
    (tmp_path / "merges.txt").write_text("Ġ t\nof\n", "utf-8")
    with pytest.raises(ValueError, match=r"merges\.txt has a token that is not byte"):
        load_gpt2(tmp_path / "vocab.json", tmp_path / "merges.txt")


def test_merges_may_be_written_as_one_string(bpe, tmp_path):
    path = tmp_path / "tokenizer.json"
    save(bpe, path)
    content = content_of(path)
    content["model"]["merges"] = [*map(" ".join, content["model"]["merges"])]
    content["post_processor"] = {"type": "ByteLevel", "trim_offsets": False}
    path.write_text(json.dumps(content), "utf-8")
    assert load(path).merges == bpe.merges


STRANGE = {
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": {"type": "TemplateProcessing"},
    "model: type": "Unigram",
    "model: unk_token": "[UNK]",
    "model: byte_fallback": True,
    "model: dropout": 0.1,
}


@pytest.mark.parametrize("place", STRANGE)
def test_other_kinds_are_refused_by_the_part_that_differs(bpe, tmp_path, place):
    path = tmp_path / "tokenizer.json"
    save(bpe, path)
    content = content_of(path)
    part, _, name = place.rpartition(": ")
    (content[part] if part else content)[name] = STRANGE[place]
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(ValueError, match=f"no tokenizer here has {place}"):
        load(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"added_tokens": [{"id": 1, "content": "x", "lstrip": True}]}, "lstrip True"),
        ({"pre_tokenizer": None}, "pre_tokenizer None"),
        ({"model": None}, "is no tokenizer.json"),
        ({"added_tokens": [{"content": "x"}]}, "is no tokenizer.json"),
    ],
)
def test_damaged_files_are_refused(bpe, tmp_path, change, words):
    path = tmp_path / "tokenizer.json"
    save(bpe, path)
    path.write_text(json.dumps(content_of(path) | change), "utf-8")
    with pytest.raises(ValueError, match=words):
        load(path)


def test_what_the_format_cannot_say_is_refused(tmp_path):
    with pytest.raises(ValueError, match="another token as 'Ġ' too"):
        save(ByteTokenizer(["Ġ"]), tmp_path / "tokenizer.json")
    with pytest.raises(TypeError, match="no tokenizer of this package: str"):
        save("tokens", tmp_path / "tokenizer.json")
    assert not (tmp_path / "tokenizer.json").exists()
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "tokenizer.json")

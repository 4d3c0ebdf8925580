"""Byte-pair encoding against Hugging Face's tokenizers and OpenAI's tiktoken.

Nothing is downloaded: both are given vocabularies that are learned here.
"""

import json
import random
import unicodedata

import pytest
import tiktoken
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from largemodels.data import stories, text
from largemodels.data.tokenizers import (
    BPETokenizer,
    ByteTokenizer,
    CharacterTokenizer,
    load,
    save,
)
from largemodels.data.tokenizers.pieces import PATTERNS
from tokenizers import decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"
FOREIGN = 7 * (
    "Füchse jagen, L'été où ça dort; 日本語の文、Привет мир! "
    "שלום ½ Ⅷ 🙂👍 naïve\xa0\x85 x\t\r\n"
)
# Libraries know other releases of Unicode than Python: only what all of them know.
KNOWN = st.text(
    st.characters(exclude_categories=["Cs", "Cn", "Co"]).filter(
        lambda c: unicodedata.ucd_3_2_0.category(c) == unicodedata.category(c)
    )
)


@pytest.fixture(scope="module")
def corpora():
    with pytest.MonkeyPatch.context() as patch:  # a part of it, which is read faster
        patch.setattr(text, "FOLDERS", {"numpy": "linalg fft", "scipy": "fft"})
        documents = text.documents()
    return {
        "documentation": [*documents],
        "stories": [stories.text(200, seed=0)],
        "foreign": [FOREIGN, stories.text(5, seed=1)],
        "repeated": ["abab" * 30 + "aaaaaaa bbbb", "a" * 50],
    }


@pytest.fixture(scope="module")
def bpe(corpora):
    everything = [*corpora["documentation"], *corpora["foreign"], *corpora["stories"]]
    return BPETokenizer.train(everything, 1500, special_tokens=[END])


def byte_level(pattern):
    """A pre-tokenizer of the library for one of our patterns."""
    level = pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=pattern == "gpt2"
    )
    if pattern != "gpt4":
        return level
    regex = tokenizers.Regex(PATTERNS["gpt4"])
    return pre_tokenizers.Sequence([pre_tokenizers.Split(regex, "isolated"), level])


def trained_by_the_library(texts, vocab_size, pattern, min_frequency):
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = byte_level(pattern)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def in_tiktoken(tokenizer):
    return tiktoken.Encoding(
        "learned here",
        pat_str=PATTERNS[tokenizer.pattern],
        mergeable_ranks=tokenizer.tokens,
        special_tokens=tokenizer.special_tokens,
    )


@pytest.mark.parametrize("vocab_size", [256, 300, 1100])
@pytest.mark.parametrize("pattern", ["gpt2", "gpt4"])
def test_merges_are_those_of_the_library(corpora, tmp_path, pattern, vocab_size):
    for texts in corpora.values():
        for least in (1, 3):
            theirs = trained_by_the_library(texts, vocab_size, pattern, least)
            ours = BPETokenizer.train(
                texts, vocab_size, pattern=pattern, min_frequency=least
            )
            save(ours, tmp_path / "tokenizer.json")
            written = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
            expected = json.loads(theirs.to_str())["model"]
            assert written["model"]["merges"] == expected["merges"]
            assert written["model"]["vocab"] == expected["vocab"]


def test_merges_of_random_words_are_those_of_the_library():
    rng = random.Random(0)
    for _ in range(60):
        alphabet = rng.choice(["ab", "abc", "ab '\n", "aé日's1"])
        texts = ["".join(rng.choices(alphabet, k=rng.randint(1, 400))) for _ in "123"]
        size, pattern = 256 + rng.randint(0, 120), rng.choice(["gpt2", None])
        theirs = json.loads(trained_by_the_library(texts, size, pattern, 0).to_str())
        ours = BPETokenizer.train(texts, size, pattern=pattern)
        vocab = theirs["model"]["vocab"]
        expected = [(vocab[a], vocab[b]) for a, b in theirs["model"]["merges"]]
        assert ours.merges == expected


@pytest.mark.parametrize("pattern", ["gpt2", "gpt4"])
def test_ids_are_those_of_both_libraries(bpe, corpora, tmp_path, pattern):
    ours = BPETokenizer(bpe.tokens, bpe.merges, pattern, [END])
    save(ours, tmp_path / "tokenizer.json")
    hugging_face = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    openai = in_tiktoken(ours)
    again = BPETokenizer.from_ranks(openai._mergeable_ranks, pattern, [END])

    @given(KNOWN | st.text("ab'sſST \n\r\t\x1c\x85\xa0é1²", max_size=40))
    def check(string):
        ids = ours.encode(string).tolist()
        assert ids == hugging_face.encode(string).ids
        assert ids == openai.encode_ordinary(string)
        assert ids == again.encode(string).tolist()
        assert hugging_face.decode(ids, skip_special_tokens=False) == string

    check()
    for texts in corpora.values():
        for string in texts[:50]:
            check.hypothesis.inner_test(string)


def test_special_tokens_are_those_of_both_libraries(bpe, tmp_path):
    save(bpe, tmp_path / "tokenizer.json")
    hugging_face = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert hugging_face.get_vocab_size() == bpe.vocab_size
    string = f"{END}one{END}{END} two"
    ids = bpe.encode(string, special="token").tolist()
    assert ids == hugging_face.encode(string).ids
    assert ids == in_tiktoken(bpe).encode(string, allowed_special="all")
    plain = bpe.encode(string, special="text").tolist()
    assert plain == in_tiktoken(bpe).encode_ordinary(string)
    with pytest.raises(ValueError, match="disallowed special token"):
        in_tiktoken(bpe).encode(string)  # as ours does by default


def test_what_the_library_saves_is_loaded(corpora, tmp_path):
    path = str(tmp_path / "tokenizer.json")
    for pattern in ("gpt2", "gpt4", None):
        theirs = trained_by_the_library(corpora["foreign"], 330, pattern, 0)
        theirs.add_special_tokens([END])
        theirs.save(path)
        ours = load(path)
        assert ours.pattern == pattern
        assert ours.special_tokens == {END: ours.vocab_size - 1}
        assert ours.encode(FOREIGN).tolist() == theirs.encode(FOREIGN).ids


def test_bytes_and_characters_are_read_by_the_library(tmp_path):
    path = str(tmp_path / "tokenizer.json")
    for ours in (ByteTokenizer([END]), CharacterTokenizer.from_text(FOREIGN, [END])):
        save(ours, path)
        theirs = tokenizers.Tokenizer.from_file(path)
        ids = theirs.encode(FOREIGN + END).ids
        assert ids == ours.encode(FOREIGN + END, special="token").tolist()
        assert theirs.decode(ids, skip_special_tokens=False) == FOREIGN + END


def test_a_replacement_character_stands_for_the_same_bytes(bpe):
    ids = bpe.encode("日本語 🙂").tolist()
    for end in range(len(ids)):
        assert bpe.decode(ids[:end]) == in_tiktoken(bpe).decode(ids[:end])

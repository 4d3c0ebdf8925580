"""Stories: their entropy is exact, and what returns at the end was named first."""

import hashlib
import lzma
import math
import re

import numpy as np
import pytest
from largemodels.data import stories

N = 20_000
SHE = set(stories.NAMES["she"].split(", "))


@pytest.fixture(scope="module")
def many():
    return stories.stories(N, seed=1)


def test_entropy_is_the_mean_surprise_of_parsed_samples(many):
    surprise = -np.array([stories.log_probability(story) for story in many])
    # The mean of 20,000 independent values is normal: four standard errors.
    error = surprise.std(ddof=1) / math.sqrt(N)
    assert error < 0.1
    assert surprise.mean() == pytest.approx(stories.entropy(), rel=0, abs=4 * error)


def test_length_is_the_mean_length_of_samples(many):
    lengths = np.array([len(story) for story in many])
    error = lengths.std(ddof=1) / math.sqrt(N)
    assert error < 2
    assert lengths.mean() == pytest.approx(
        stories.expected_length(), rel=0, abs=4 * error
    )


def test_bits_per_character_count_the_separator():
    assert stories.bits_per_character() == pytest.approx(
        stories.entropy() / math.log(2) / (stories.expected_length() + 1),
        rel=1e-15,
        abs=0,
    )


def test_no_compressor_goes_below_the_entropy(many):
    text = "".join(story + "\n" for story in many[:4000]).encode("ascii")
    bits = 8 * len(lzma.compress(text)) / len(text)
    assert stories.bits_per_character() < bits < 1


def test_stories_are_many_and_different(many):
    assert len(set(many)) == N
    # exp(entropy) is the number of equally likely stories that would be as uncertain.
    assert math.exp(stories.entropy()) > 1e12


def test_the_bytes_are_fixed():
    text = stories.text(1000, seed=0)
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    assert digest == "317ccbcde54c17f945f5a8361851acf473e199871b79cedfe0c2a4b28bdce3eb"
    assert text.splitlines() == stories.stories(1000, seed=0)
    assert stories.stories(3, seed=0) != stories.stories(3, seed=1)
    assert stories.stories(0, seed=0) == []


def test_the_last_sentence_names_what_the_first_did(many):
    first = re.compile(
        r"named (\w+) who had an? (\w+ \w+)\.|named (\w+) who had (.+?)\."
    )
    for story in many[:2000]:
        name, one, other_name, two = first.search(story).groups()
        last = f" {name or other_name} never lost the {one or two} again."
        assert story.endswith(last)


def test_sentences_agree(many):
    for story in many[:2000]:
        name = re.search(r"named (\w+)", story)[1]
        two = " had two " in story
        words = set(re.findall(r"\w+", story))
        assert not words & ({"He", "his"} if name in SHE else {"She", "her"})
        assert ("were gone" in story) == two
        assert ("was gone" in story) != two
        assert not words & ({"it"} if two else {"them"})
        assert not re.search(r"\ba ([aeiou]|hon)|\ban (?![aeiou]|honest)", story)
        assert story.isascii()
        assert story.isprintable()


def test_the_story_in_the_documentation_is_one():
    indented = re.findall(r"^ {4}(.+)$", stories.__doc__, flags=re.MULTILINE)
    assert stories.log_probability(" ".join(indented)) < 0


def test_a_wrong_word_far_from_its_reason_is_no_story(many):
    story = many[0]
    name = re.search(r"named (\w+)", story)[1]
    other = "Mia" if name != "Mia" else "Rosa"
    head, _, tail = story.rpartition(name)
    with pytest.raises(
        ValueError, match=f"' {name} never lost .* expected at character"
    ):
        stories.log_probability(head + other + tail)
    for wrong in ("", story[:-1], story + " ", story.lower(), story + story):
        with pytest.raises(ValueError, match="not in the grammar"):
            stories.log_probability(wrong)


@pytest.mark.parametrize(
    ("n", "seed", "error", "message"),
    [
        (-1, 0, ValueError, "n must be at least 0, got -1"),
        (1.0, 0, TypeError, "n must be an integer, got 1.0"),
        (1, -1, ValueError, "seed must be at least 0, got -1"),
        (1, None, TypeError, "seed must be an integer, got None"),
    ],
)
def test_wrong_arguments_are_refused(n, seed, error, message):
    with pytest.raises(error, match=message):
        stories.stories(n, seed)

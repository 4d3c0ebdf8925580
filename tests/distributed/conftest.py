"""What the tests here share: a small text, and the words that make a run short."""

import pytest
from largemodels.data import stories

SHORT = {
    "preset": "tiny-llama",
    "num-layers": 1,
    "d-model": 16,
    "d-ff": 12,
    "num-heads": 4,
    "context-length": 8,
    "batch-size": 8,
    "accumulate": 2,
    "warmup": 2,
    "steps": 6,
    "evaluate-every": 3,
    "evaluate-sequences": 5,
    "checkpoint-every": 2,
    "precision": "float64",
    "device": "cpu",
}


def flags(options):
    """A dictionary of options as a command line has them."""
    return [word for k, v in options.items() for word in (f"--{k}", str(v))]


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    """A folder with two documents."""
    folder = tmp_path_factory.mktemp("text")
    for name, seed in (("first.txt", 0), ("second.md", 1)):
        words = "\n\n".join(stories.stories(8, seed=seed))
        (folder / name).write_text(words, encoding="utf-8")
    return folder

"""What a run of pretraining needs besides a framework.

settings  what a run is: the data, the model, the optimizer, the length; presets
command   settings from flags and from a TOML or JSON file
corpus    text files as one array of tokens, made once and kept
log       a line of JSON for every update, and the curve drawn from it
"""

from largemodels.pretraining.command import read_settings
from largemodels.pretraining.corpus import Corpus, read_documents, token_file
from largemodels.pretraining.log import RunLog, draw, read_log
from largemodels.pretraining.settings import PRESETS, Settings, nearest

__all__ = [
    "PRESETS",
    "Corpus",
    "RunLog",
    "Settings",
    "draw",
    "nearest",
    "read_documents",
    "read_log",
    "read_settings",
    "token_file",
]

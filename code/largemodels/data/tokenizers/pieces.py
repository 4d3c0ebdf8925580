"""How GPT-2 and GPT-4 cut a text into pieces before byte pairs are merged.

No merge reaches across a cut, so that "dog", "dog." and "dog!" share a token, and equal
pieces are merged once and remembered.
"""

import functools
import itertools
import re
import unicodedata

from largemodels.validation import one_of

# \p{L} is a letter and \p{N} a number of Unicode, \s its white space.
# Sources: openai/gpt-2, src/encoder.py, and openai/tiktoken,
# tiktoken_ext/openai_public.py (cl100k_base), in the form that both first had.
PATTERNS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+"
    r"|\s+(?!\S)|\s+",
    "gpt4": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
# Unicode's property White_Space, as far as it is not ASCII. Python's str.isspace takes
# U+001C to U+001F for spaces as well.
WIDE_SPACES = set("\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000")
WIDE_SPACES.update(map(chr, range(0x2000, 0x200B)))
WIDE = re.compile(r"[^\x00-\x7f]+")


def cut(text: str, pattern: str | None) -> list[str]:
    """The pieces of a text, which joined are the text.

    pattern: a name in PATTERNS, or None for no cut at all. Raises ValueError otherwise.

    Python's `re` knows no \\p{L}. The text is therefore matched through its shadow, in
    which every character outside ASCII is replaced by one of ASCII of its kind, and cut
    where the shadow is. Characters that Python's Unicode does not know yet count as
    neither letters nor numbers; newer libraries may know them.
    """
    if pattern is None:
        return [text] if text else []
    one_of("pattern", pattern, tuple(PATTERNS))
    pieces = _compiled(pattern).findall(_shadow(text))
    if text.isascii():
        return pieces
    ends = itertools.accumulate(map(len, pieces), initial=0)
    return [text[start:end] for start, end in itertools.pairwise(ends)]


@functools.cache
def _compiled(pattern):
    """The published pattern over ASCII, where [A-Za-z] is \\p{L} and \\d is \\p{N}."""

    def letters(match):
        inside = match[0].replace(r"\p{L}", "A-Za-z")
        return inside if inside.startswith("[") else f"[{inside}]"

    ascii_letters = re.sub(r"\[[^]]*\]|\\p\{L\}", letters, PATTERNS[pattern])
    return re.compile(ascii_letters.replace(r"\p{N}", r"\d"), re.ASCII)


def _shadow(text):
    """The text with every character outside ASCII replaced by one of its kind."""
    if text.isascii():
        return text
    return WIDE.sub(lambda match: "".join(map(_kind, match[0])), text)


@functools.lru_cache(1 << 16)
def _kind(character):
    """A letter, digit, space or sign of ASCII that the patterns take for the like."""
    if character == "ſ":
        return "S"  # the one letter of a contraction that (?i) finds outside ASCII
    if character in WIDE_SPACES:
        return "\t"
    return {"L": "A", "N": "0"}.get(unicodedata.category(character)[0], "!")

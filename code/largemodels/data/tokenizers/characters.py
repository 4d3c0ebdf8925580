"""A token is a character."""

from collections.abc import Iterable, Mapping

import numpy as np

from largemodels.data.tokenizers.base import Tokenizer, utf8


class CharacterTokenizer(Tokenizer):
    """The characters of a known set as tokens: id = place in the set.

    characters: a string in which no character occurs twice. A character outside it has
    no id, and `encode` raises ValueError that names it.
    """

    def __init__(
        self,
        characters: str,
        special_tokens: Iterable[str] | Mapping[str, int] = (),
    ):
        self.characters = characters
        self._ids = {character: i for i, character in enumerate(characters)}
        if len(self._ids) < len(characters):
            twice = next(c for i, c in enumerate(characters) if c in characters[:i])
            raise ValueError(f"characters must differ, got {twice!r} twice")
        ordinary = {i: utf8(character) for character, i in self._ids.items()}
        super().__init__(ordinary, special_tokens)

    @classmethod
    def from_text(
        cls, text: str, special_tokens: Iterable[str] | Mapping[str, int] = ()
    ) -> "CharacterTokenizer":
        """The characters that occur in a text, in the order of their code points."""
        return cls("".join(sorted(set(text))), special_tokens)

    def _ordinary(self, text):
        try:
            ids = map(self._ids.__getitem__, text)
            return np.fromiter(ids, dtype=np.int64, count=len(text))
        except KeyError as error:
            unknown = error.args[0]
            raise ValueError(
                f"text must be of the {len(self._ids)} known characters, got "
                f"{unknown!r} at character {text.index(unknown)}"
            ) from None

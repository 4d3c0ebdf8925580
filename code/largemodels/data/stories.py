"""Small stories from a probabilistic grammar whose entropy is known exactly.

    Once there was a shy otter named Nora who had two silver bells. She hid them under
    her pillow every night. One foggy evening, the two silver bells were gone. She asked
    a passing goose but got no answer. She looked behind the mill but found only dust.
    Then a wise old owl said, "Look where the path begins." At last Nora looked inside
    the hollow oak and found the two silver bells. She laughed until the moon came up.
    From that day on, Nora never lost the two silver bells again.

A model trained on them can be held against a floor: no model has a smaller expected
loss than the entropy, and only the grammar's own probabilities reach it. To come near,
a model must learn spelling, agreement (she and her, was and were, it and them), a
search of any number of sentences, and dependencies from the first sentence to the last:
name, number, color and thing, carried over everything between.

Every story has one derivation (see `grammar.Grammar`, which checks the condition and
proves it), so its probability is a product of the choices that made it.
"""

import functools
import math

import numpy as np

from largemodels.data.grammar import Grammar
from largemodels.validation import whole_number

# Ends a story in `text`; no story has one inside.
SEPARATOR = "\n"

# Words in the order of their frequency: the k-th is drawn with weight 1 / k.
OPENINGS = ("Once there was", "Long ago there lived", "By the sea there lived")
OPENINGS += ("At the edge of a forest lived", "In a quiet valley lived")
CHARACTERS = (
    "a little, a clever, a shy, an eager, a merry, an honest, a brave, a sleepy"
)
ANIMALS = "mouse, fox, rabbit, otter, hedgehog, badger, duck, squirrel, bear, goat"
NAMES = {
    "she": "Mia, Rosa, Nora, Ella, Ruth, Lily, Zoe, Ida",
    "he": "Tom, Ben, Leo, Finn, Oscar, Max, Hugo, Emil",
}
COLORS = "a red, a blue, a green, a yellow, an orange, a silver, a purple"
THINGS = {
    "it": "kite, ball, drum, lantern, scarf, boat, bell, umbrella, whistle, hat",
    "them": "mittens, marbles, boots, ribbons, feathers, keys, skates, bells",
}
LOVES = "took {it} everywhere, loved {it} more than anything"
LOVES += ", hid {it} under {their} pillow every night, showed {it} to everyone"
LOVES += ", sang to {it} in the evening"
DAYS = "windy, rainy, sunny, foggy, cold, quiet, snowy"
TIMES = "morning, afternoon, evening, night"
SEARCHES = "under the bed, behind the mill, in the tall grass, along the river"
SEARCHES += ", between the barrels, on the roof, in the old well, around the market"
FINDS = "found only dust, found a sleeping frog, saw nothing, found a lost button"
FINDS += ", met a worried beetle, heard only the wind, found an empty nest"
NEIGHBORS = "the baker, a passing goose, the old fisherman, two busy ants"
NEIGHBORS += ", the miller, a tired snail, the postman, three little sparrows"
ANSWERS = ", who had seen nothing| but got no answer|, who only shook a sad head"
ANSWERS += "| and was sent away|, who promised to keep looking"
HELPERS = "a wise old owl, a tiny wren, the moon, an old turtle, a friendly crow"
HINTS = "Look where the path begins, Listen and go slowly, Lost things love the dark"
HINTS += ", Look up and not down, Think of yesterday, Follow the smell of honey"
ENDINGS = "At last, In the end, Just before dark, After a long walk, With a new hope"
PLACES = "inside the hollow oak, behind the waterfall, under the stone bridge"
PLACES += ", in the attic, on top of the haystack, beside the garden gate"
PLACES += ", in the pocket of an old coat, at the bottom of a basket"
JOYS = "laughed until the moon came up, hugged {it} all the way home"
JOYS += ", danced in the rain, thanked everyone twice, cried a little with joy"
JOYS += ", slept very well that night"
MORALS = "From that day on, After that, And believe me, To this day"


def stories(n: int, seed: int) -> list[str]:
    """n independent stories from `np.random.default_rng(seed)`, as strings.

    Raises ValueError or TypeError where n or the seed is no integer from 0 on.
    """
    n = whole_number("n", n)
    rng = np.random.default_rng(whole_number("seed", seed))
    return [grammar().sample(rng) for _ in range(n)]


def text(n: int, seed: int) -> str:
    """The same stories as one string, SEPARATOR after each: one story a line."""
    return "".join(story + SEPARATOR for story in stories(n, seed))


def entropy() -> float:
    """The entropy of a story in nats: the floor of a model's loss per story."""
    return grammar().entropy


def expected_length() -> float:
    """The mean number of characters in a story, without the separator."""
    return grammar().expected_length


def bits_per_character() -> float:
    """The entropy rate of `text` in bits a character, separators counted.

    entropy / (log 2 (expected length + 1)). On a text of more and more stories the
    perfect model's loss per character tends to it with probability 1: the law of large
    numbers, once for the loss and once for the length.
    """
    return entropy() / (math.log(2) * (expected_length() + len(SEPARATOR)))


def log_probability(story: str) -> float:
    """log p(story) in nats. Raises ValueError where no derivation gives this story."""
    return grammar().log_probability(story)


@functools.cache
def grammar() -> Grammar:
    """The grammar of the stories."""
    rules = {
        "<story>": _ranked(OPENINGS, "{}", "<character>"),
        "<character>": _ranked(CHARACTERS, " {}", "<animal>"),
        "<animal>": _ranked(ANIMALS, " {}", "<name>"),
        "<name>": [],
        "<day>": _ranked(DAYS, " One {}", "<time>"),
        "<time>": _ranked(TIMES, " {}, the"),
        "<place searched>": _ranked(SEARCHES, " {}", " but"),
        "<neighbor>": _ranked(NEIGHBORS, " {}", "<answer>"),
        "<answer>": _ranked(ANSWERS.split("|"), "{}."),
        "<found>": _ranked(FINDS, " {}."),
        "<helper>": _ranked(HELPERS, " {} said,", "<hint>"),
        "<hint>": _ranked(HINTS, ' "{}."'),
        "<ending>": _ranked(ENDINGS, " {}"),
        "<place>": _ranked(PLACES, " {} and found the"),
        "<moral>": _ranked(MORALS, " {},"),
    }
    for they, names in NAMES.items():
        for it in THINGS:
            rules |= _middle(they, it)
        for rank, name in enumerate(_words(names), start=1):
            rules["<name>"].append((1 / rank, [f" named {name} who had", f"<{name}>"]))
            rules |= _treasures(name, they)
    return Grammar(rules, start="<story>")


def _treasures(name, they):
    """What the hero has, and with it the sentences in which it is named again."""
    rules = {f"<{name}>": []}
    for rank, article_color in enumerate(_words(COLORS), start=1):
        color = article_color.split()[1]
        for it, things in THINGS.items():
            one = it == "it"
            said = f" {article_color}" if one else f" two {color}"
            symbol = f"<{name} {color} {it}>"
            # Two of a kind are half as frequent as one.
            weight = (2 if one else 1) / rank
            rules[f"<{name}>"].append((weight, [said, symbol]))
            rules[symbol] = [
                (1 / i, _plot(name, they, it, color if one else f"two {color}", thing))
                for i, thing in enumerate(_words(things), start=1)
            ]
    return rules


def _plot(name, they, it, described, thing):
    """A story from the thing's first mention to its last word."""
    lost = f"{described} {thing}"
    return [
        f" {thing}.",
        f"<love {they} {it}>",
        "<day>",
        f" {lost} {'was' if it == 'it' else 'were'} gone.",
        f"<search {they}>",
        "<ending>",
        f" {name} looked",
        "<place>",
        f" {lost}.",
        f"<joy {they} {it}>",
        "<moral>",
        f" {name} never lost the {lost} again.",
    ]


def _middle(they, it):
    """Sentences that agree with the hero and with the thing, and the search."""
    start = they.capitalize()
    agreeing = {"it": it, "their": {"she": "her", "he": "his"}[they]}
    search = f"<search {they}>"
    return {
        f"<love {they} {it}>": _ranked(LOVES.format(**agreeing), f" {start} {{}}."),
        f"<joy {they} {it}>": _ranked(JOYS.format(**agreeing), f" {start} {{}}."),
        # On the average 1.5 places or neighbors are tried before help comes.
        search: [
            (0.35, [f" {start} looked", "<place searched>", "<found>", search]),
            (0.25, [f" {start} asked", "<neighbor>", search]),
            (0.40, [" Then", "<helper>"]),
        ],
    }


def _ranked(words, template, *rest):
    """Alternatives with weights 1, 1/2, 1/3, ..., each word put into the template."""
    return [
        (1 / rank, [template.format(word), *rest])
        for rank, word in enumerate(_words(words), start=1)
    ]


def _words(words):
    return words.split(", ") if isinstance(words, str) else list(words)

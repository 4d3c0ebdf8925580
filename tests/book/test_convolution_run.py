"""The numbers that the page on convolutional networks takes from a longer run."""

import ast
import json
import re
from statistics import mean, stdev

from tests.book.small_book import ROOT

NUMBERS = {"two": 2, "three": 3, "five": 5}


def constants(source):
    """Name -> value of the plain assignments at the top of a script."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], ast.literal_eval(node.value)
            names = [name.id for name in getattr(target, "elts", [target])]
            found |= zip(names, value if len(names) > 1 else [value], strict=True)
    return found


def parameters(first, second, normed):
    """Of two 3 x 3 convolutions and a linear map from 3 x 3 places to ten scores."""
    assert not normed
    layers = (9 * 1 + 1) * first, (9 * first + 1) * second, (9 * second + 1) * 10
    return sum(layers)


def test_page_states_what_the_run_found():
    run = json.loads((ROOT / "book/runs/convolution.json").read_text("utf-8"))
    page = (ROOT / "book/vision/convolution.md").read_text("utf-8")
    assert f"right = np.array({run['correct']})  # of {run['tested'][0]} each" in page
    assert set(run["tested"]) == {287}
    assert f"It ran once, on {run['date']}, on one CPU thread" in page
    assert run["chosen"] == "16, 32"
    assert re.search(rf"{run['development_images']}, are the \*development set\*", page)
    scores = {kind: sum(right) for kind, right in run["development"].items()}
    assert scores[run["chosen"]] == max(scores.values())
    assert run["correct"] != run["tested"]  # else the interval would be of length 0
    shares = [n / of for n, of in zip(run["correct"], run["tested"], strict=True)]
    student = 2.776  # the 97.5 % point of Student's distribution with four degrees
    assert mean(shares) - student * stdev(shares) / len(shares) ** 0.5 > 0.99


def test_page_describes_the_run_as_the_script_has_it():
    run = json.loads((ROOT / "book/runs/convolution.json").read_text("utf-8"))
    page = (ROOT / "book/vision/convolution.md").read_text("utf-8")
    script = (ROOT / "book/runs/convolution.py").read_text("utf-8")
    made = constants(script)
    described = re.search(
        r"it trains (\w+) candidates for (\d+) epochs with milder variations, up to "
        r"(\d+) degrees, (\d+) % and one pixel, takes the one that is best on the "
        r"development set \((\d+) and (\d+) channels, ([\d,]+) parameters\), and then "
        r"trains and tests it\s+(\w+) times\. It ran once, on [\d-]+, on one CPU "
        r"thread, for (\w+) minutes",
        page,
    ).groups()
    candidates, epochs, degrees, scale, first, second, count, times, minutes = described
    assert NUMBERS[candidates] == len(run["development"]) == len(made["NETS"])
    assert int(epochs) == made["EPOCHS"]
    assert f"({degrees} * turn)" in script
    assert f"1 + {int(scale) / 100} * grow" in script
    assert f"{first}, {second}" == run["chosen"]
    assert int(count.replace(",", "")) == parameters(*made["NETS"][run["chosen"]])
    assert NUMBERS[times] == len(run["correct"]) == made["SEEDS"]
    assert NUMBERS[minutes] == round(run["seconds"] / 60)
    assert run["hardware"].startswith("one thread")

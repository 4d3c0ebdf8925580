"""The numbers that the page on convolutional networks takes from a longer run."""

import json
import re

from tests.book.small_book import ROOT


def test_page_states_what_the_run_found():
    run = json.loads((ROOT / "book/runs/convolution.json").read_text("utf-8"))
    page = (ROOT / "book/vision/convolution.md").read_text("utf-8")
    assert f"right = np.array({run['correct']})  # of {run['tested'][0]} each" in page
    assert set(run["tested"]) == {287}
    assert f"It ran once, on {run['date']}, on one CPU thread" in page
    assert "16 and 32 channels, 7,690 parameters" in page
    assert run["chosen"] == "16, 32"
    assert re.search(rf"{run['development_images']}, are the \*development set\*", page)
    scores = {kind: sum(right) for kind, right in run["development"].items()}
    assert scores[run["chosen"]] == max(scores.values())

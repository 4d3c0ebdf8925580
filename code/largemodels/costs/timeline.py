"""A history of large models in numbers, from 1960: a source for each row.

Only figures that a paper, a report or a model card states are here, or that follow from
such a figure by the count or the formula named in the row. What no source states stands
as None. Dates are those of the paper (for a preprint, its first version).
"""

from dataclasses import dataclass

import numpy as np

from largemodels.costs.compute import PETAFLOP_DAY, training_flops
from largemodels.costs.models import MODELS
from largemodels.metrics import Interval


@dataclass(frozen=True, kw_only=True)
class Milestone:
    """A model in the history.

    date        "YYYY-MM", or "YYYY"
    parameters  all numbers that training sets
    mixture     whether it is a mixture of experts, of which a token meets a few
    active      parameters that a token meets in a mixture, or None
    data        what it was trained on, in words
    tokens      tokens seen in training, or None
    compute     FLOPs of training, or None
    compute_by  where compute comes from: a source, or "6 N D"
    field       "vision", "language", "speech" or "games"
    source      a citation key of the book's bibliography
    """

    name: str
    date: str
    parameters: float
    data: str
    source: str
    field: str = "language"
    mixture: bool = False
    active: float | None = None
    tokens: float | None = None
    compute: float | None = None
    compute_by: str | None = None

    @property
    def year(self) -> float:
        """The middle of the month, or of the year, as a decimal year."""
        year, _, month = self.date.partition("-")
        return int(year) + (float(month) - 0.5) / 12 if month else int(year) + 0.5


def _six(parameters: float, tokens: float) -> dict:
    return {"compute": training_flops(parameters, tokens), "compute_by": "6 N D"}


def _counted(name: str, date: str, source: str, **fields) -> Milestone:
    """A row whose parameters are counted from its config in MODELS."""
    model = MODELS[name]
    tokens = model.training_tokens
    if tokens is not None:
        fields = {"data": f"{tokens / 1e9:,.0f} billion tokens", **fields}
    return Milestone(
        name=name,
        date=date,
        parameters=model.counted,
        tokens=tokens,
        source=source,
        **fields,
    )


TIMELINE = (
    Milestone(
        name="Mark I perceptron",
        date="1960",
        # 512 association units, each with a weight to each of 8 outputs: the most that
        # it can have had. Other accounts speak of 512 adjustable weights in all.
        parameters=512 * 8,
        data="shapes held before 400 photocells",
        source="tappert2011",
        field="vision",
    ),
    Milestone(
        name="NETtalk",
        date="1987",
        # 203 inputs, 80 hidden, 26 outputs; the printed 18,629 is this with one
        # threshold for each of the 309 units, the inputs' included
        parameters=203 * 80 + 80 * 26 + 309,
        data="20,008 words of a dictionary",
        source="sejnowski1987",
        field="speech",
    ),
    Milestone(
        name="LeNet-5",
        date="1998-11",
        parameters=156 + 12 + 1_516 + 32 + 48_120 + 10_164,  # its layers, C1 to F6
        data="60,000 images of digits",
        source="lecun1998",
        field="vision",
    ),
    Milestone(
        name="AlexNet",
        date="2012-12",
        parameters=60e6,
        data="1.2 million images",
        source="krizhevsky2012",
        field="vision",
        compute=0.0058 * PETAFLOP_DAY,
        compute_by="amodei2018",
    ),
    Milestone(
        name="Sequence to sequence",
        date="2014-09",
        parameters=384e6,
        data="12 million sentence pairs",
        source="sutskever2014",
    ),
    Milestone(
        name="Transformer (big)",
        date="2017-06",
        parameters=213e6,
        data="4.5 million sentence pairs",
        source="vaswani2017",
        compute=2.3e19,
        compute_by="vaswani2017, table 2",
    ),
    Milestone(
        name="GPT",
        date="2018-06",
        parameters=116_534_784,  # V = 40,478, T = 512, L = 12, D = 768, post-norm, tied
        data="a collection of books",
        source="radford2018",
    ),
    Milestone(
        name="BERT (large)",
        date="2018-10",
        parameters=340e6,
        data="3.3 billion words, repeated",
        source="devlin2019",
        tokens=250e9,
        compute=5.33e20,
        compute_by="brown2020, table D.1",
    ),
    _counted("GPT-2 XL", "2019-02", "radford2019", data="8 million web pages"),
    Milestone(
        name="Megatron-LM",
        date="2019-09",
        parameters=8.3e9,
        data="174 GB of text",
        source="shoeybi2019",
    ),
    Milestone(
        name="T5 (11B)",
        date="2019-10",
        parameters=11e9,
        data="1,000 billion tokens",
        source="raffel2020",
        tokens=1e12,
        compute=3.3e22,
        compute_by="brown2020, table D.1",
    ),
    Milestone(
        name="OpenAI Five",
        date="2019-12",
        parameters=158_502_815,
        data="ten months of games against itself",
        source="berner2019",
        field="games",
        compute=770 * PETAFLOP_DAY,
        compute_by="berner2019",
    ),
    Milestone(
        name="Turing-NLG",
        date="2020-02",
        parameters=17e9,
        data="text",
        source="microsoft2020",
    ),
    _counted(
        "GPT-3 175B",
        "2020-05",
        "brown2020",
        compute=3.14e23,
        compute_by="brown2020, table D.1",
    ),
    Milestone(
        name="Switch-C",
        date="2021-01",
        parameters=1.571e12,
        mixture=True,
        data="text",
        source="fedus2022",
    ),
    Milestone(
        name="Jurassic-1",
        date="2021-08",
        parameters=178e9,
        data="300 billion tokens",
        source="lieber2021",
        tokens=300e9,
        **_six(178e9, 300e9),
    ),
    _counted(
        "Gopher",
        "2021-12",
        "rae2021",
        compute=5.76e23,
        compute_by="hoffmann2022, figure 2",
    ),
    Milestone(
        name="MT-NLG",
        date="2022-01",
        parameters=530e9,
        data="270 billion tokens",
        source="smith2022",
        tokens=270e9,
        **_six(530e9, 270e9),
    ),
    _counted(
        "Chinchilla",
        "2022-03",
        "hoffmann2022",
        compute=5.76e23,
        compute_by="hoffmann2022, section 4",
    ),
    Milestone(
        name="PaLM",
        date="2022-04",
        parameters=540e9,
        data="780 billion tokens",
        source="chowdhery2022",
        tokens=780e9,
        **_six(540e9, 780e9),
    ),
    Milestone(
        name="Whisper (large)",
        date="2022-12",
        parameters=1.55e9,
        data="680,000 hours of speech",
        source="radford2023",
        field="speech",
    ),
    Milestone(
        name="ViT-22B",
        date="2023-02",
        parameters=22e9,
        data="images",
        source="dehghani2023",
        field="vision",
    ),
    _counted("LLaMA 65B", "2023-02", "touvron2023llama"),
    _counted("Llama 2 70B", "2023-07", "touvron2023llama2"),
    _counted(
        "Llama 3 405B",
        "2024-07",
        "grattafiori2024",
        compute=3.8e25,
        compute_by="grattafiori2024, section 3.2",
    ),
    Milestone(
        name="DeepSeek-V3",
        date="2024-12",
        parameters=671e9,
        mixture=True,
        active=37e9,
        data="14,800 billion tokens",
        source="deepseek2024",
        tokens=14.8e12,
        **_six(37e9, 14.8e12),
    ),
    Milestone(
        name="Kimi K2",
        date="2025-07",
        parameters=1.04e12,
        mixture=True,
        active=32.6e9,
        data="15,500 billion tokens",
        source="kimi2025",
        tokens=15.5e12,
        **_six(32.6e9, 15.5e12),
    ),
)


def records(
    milestones: tuple[Milestone, ...], what: str = "parameters"
) -> list[Milestone]:
    """The rows that were larger than every row before them, in order of date.

    what: "parameters" or "compute"; rows where it is None are passed over.
    """
    best, found = 0.0, []
    for row in sorted(milestones, key=lambda row: row.year):
        value = getattr(row, what)
        if value is not None and value > best:
            best = value
            found.append(row)
    return found


def record_at(
    milestones: tuple[Milestone, ...], year: float, what: str = "parameters"
) -> float:
    """The largest value among the rows up to `year`. ValueError where there is none."""
    values = [
        getattr(row, what)
        for row in milestones
        if row.year <= year and getattr(row, what) is not None
    ]
    if not values:
        raise ValueError(f"the timeline has no {what} up to {year}")
    return max(values)


def growth(years, values, confidence: float = 0.95) -> Interval:
    """Factor a year of the line fitted to log(values) against years.

    log v = a + b t by least squares;   factor = exp(b), with Student's interval of b
    (n - 2 degrees of freedom), which takes the residuals for independent. `n` is the
    number of points. Raises ValueError below three points, for values that are not
    positive, and where all years are equal.
    """
    from scipy.special import stdtrit

    t = np.asarray(years, dtype=np.float64)
    v = np.asarray(values, dtype=np.float64)
    if t.ndim != 1 or t.shape != v.shape or len(t) < 3:
        raise ValueError(
            f"a fit needs at least 3 years and as many values, got {t.shape}, {v.shape}"
        )
    if not (v > 0).all():
        raise ValueError(f"values must be positive, got {v.min()}")
    if np.ptp(t) == 0:
        raise ValueError(f"years must differ, got {t[0]} only")
    centered = t - t.mean()
    y = np.log(v)
    slope = float(centered @ y / (centered @ centered))
    residual = y - y.mean() - slope * centered
    variance = float(residual @ residual) / (len(t) - 2) / float(centered @ centered)
    half = float(stdtrit(len(t) - 2, (1 + confidence) / 2)) * variance**0.5
    mean, low, high = np.exp([slope, slope - half, slope + half])
    return Interval(float(mean), float(low), float(high), len(t))

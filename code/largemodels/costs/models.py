"""Published language models: their configs beside the counts that their papers print.

`reported` is what the paper's table says, in parameters. Where the same authors print a
second, finer figure, it stands in `refined` with its source. Where neither a rounded
name nor the paper's text gives a size that the count needs, `note` says where the size
comes from.
"""

from dataclasses import dataclass

from largemodels.configs import TransformerConfig
from largemodels.costs.parameters import count_parameters


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """A model as published, and as counted.

    reported_parameters  the figure in `source`
    refined_parameters   a finer figure by the same authors in `refined_source`, or None
    training_tokens      tokens seen in training, or None where no paper says
    source               a citation key of the book's bibliography, and the place
    """

    name: str
    family: str
    year: int
    config: TransformerConfig
    reported_parameters: float
    source: str
    training_tokens: float | None = None
    refined_parameters: float | None = None
    refined_source: str | None = None
    note: str = ""

    @property
    def counted(self) -> int:
        """Parameters that follow from the config, exactly."""
        return count_parameters(self.config)["total"]

    @property
    def difference(self) -> float:
        """counted / reported - 1."""
        return self.counted / self.reported_parameters - 1

    @property
    def refined_difference(self) -> float:
        """counted / refined - 1, or against the reported where nothing is refined."""
        reference = self.refined_parameters or self.reported_parameters
        return self.counted / reference - 1


def gpt2_config(num_layers: int, d_model: int, num_heads: int) -> TransformerConfig:
    """GPT-2: learned positions for 1,024 tokens, tied embedding, biases everywhere."""
    return TransformerConfig(
        vocab_size=50_257,
        context_length=1_024,
        num_layers=num_layers,
        d_model=d_model,
        num_heads=num_heads,
    )


def gpt3_config(num_layers: int, d_model: int, num_heads: int) -> TransformerConfig:
    """GPT-3: as GPT-2 with 2,048 positions. Sparse attention patterns add nothing."""
    return TransformerConfig(
        vocab_size=50_257,
        context_length=2_048,
        num_layers=num_layers,
        d_model=d_model,
        num_heads=num_heads,
    )


def llama_config(
    num_layers: int,
    d_model: int,
    num_heads: int,
    num_kv_heads: int | None = None,
    d_ff: int | None = None,
    vocab_size: int = 32_000,
    context_length: int = 2_048,
    rope_base: float = 10_000.0,
) -> TransformerConfig:
    """LLaMA: rotary positions, RMSNorm, gated feed-forward, no biases, nothing tied."""
    return TransformerConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        num_layers=num_layers,
        d_model=d_model,
        num_heads=num_heads,
        num_kv_heads=num_kv_heads,
        d_ff=d_ff,
        gated=True,
        activation="silu",
        norm="rms",
        bias=False,
        positions="rope",
        rope_base=rope_base,
        tied_embeddings=False,
    )


def gopher_config(
    num_layers: int,
    d_model: int,
    num_heads: int,
    head_width: int = 128,
    positions: str = "relative",
) -> TransformerConfig:
    """Gopher and Chinchilla: RMSNorm, Transformer-XL positions, F = 4 D, V = 32,000.

    The papers do not say whether the linear maps have biases or whether the output is
    tied; biases are 0.01 % of the large models, and tied is what the counts support.
    """
    return TransformerConfig(
        vocab_size=32_000,
        context_length=2_048,
        num_layers=num_layers,
        d_model=d_model,
        num_heads=num_heads,
        head_width=head_width,
        norm="rms",
        bias=False,
        positions=positions,
    )


def _gpt2(size, reported, corrected, *shape):
    return PublishedModel(
        name=f"GPT-2 {size}",
        family="GPT-2",
        year=2019,
        config=gpt2_config(*shape),
        reported_parameters=reported,
        source="radford2019, table 2",
        refined_parameters=corrected,
        refined_source="openai2019gpt2, names of the released models",
    )


def _gpt3(size, reported, refined, *shape, note=""):
    return PublishedModel(
        name=f"GPT-3 {size}",
        family="GPT-3",
        year=2020,
        config=gpt3_config(*shape),
        reported_parameters=reported,
        source="brown2020, table 2.1",
        training_tokens=300e9,
        refined_parameters=refined,
        refined_source="brown2020, table D.1",
        note=note,
    )


def _llama(name, year, reported, tokens, source, config, note=""):
    family = name.rsplit(" ", 1)[0]
    return PublishedModel(
        name=name,
        family=family,
        year=year,
        config=config,
        reported_parameters=reported,
        source=source,
        training_tokens=tokens,
        note=note,
    )


_LLAMA_3_VOCABULARY = "the paper says 128,000 tokens; the released model has 128,256"
_LLAMA_3 = {"vocab_size": 128_256, "context_length": 8_192, "rope_base": 500_000.0}
_LLAMA_2_70B = "F = 28,672 is the released configuration's; the paper prints no F"

MODELS = {
    model.name: model
    for model in (
        _gpt2("small", 117e6, 124e6, 12, 768, 12),
        _gpt2("medium", 345e6, 355e6, 24, 1_024, 16),
        _gpt2("large", 762e6, 774e6, 36, 1_280, 20),
        _gpt2("XL", 1_542e6, 1_558e6, 48, 1_600, 25),
        _gpt3("Small", 125e6, 125e6, 12, 768, 12),
        _gpt3("Medium", 350e6, 356e6, 24, 1_024, 16),
        _gpt3("Large", 760e6, 760e6, 24, 1_536, 16),
        _gpt3("XL", 1.3e9, 1_320e6, 24, 2_048, 16, note="printed: 24 heads of 128"),
        _gpt3("2.7B", 2.7e9, 2_650e6, 32, 2_560, 32),
        _gpt3("6.7B", 6.7e9, 6_660e6, 32, 4_096, 32),
        _gpt3("13B", 13.0e9, 12_850e6, 40, 5_120, 40, note="printed: D = 5,140"),
        _gpt3("175B", 175.0e9, 174_600e6, 96, 12_288, 96),
        _llama(
            "LLaMA 7B",
            2023,
            6.7e9,
            1.0e12,
            "touvron2023llama, table 2",
            llama_config(32, 4_096, 32),
        ),
        _llama(
            "LLaMA 13B",
            2023,
            13.0e9,
            1.0e12,
            "touvron2023llama, table 2",
            llama_config(40, 5_120, 40),
        ),
        _llama(
            "LLaMA 33B",
            2023,
            32.5e9,
            1.4e12,
            "touvron2023llama, table 2",
            llama_config(60, 6_656, 52),
        ),
        _llama(
            "LLaMA 65B",
            2023,
            65.2e9,
            1.4e12,
            "touvron2023llama, table 2",
            llama_config(80, 8_192, 64),
        ),
        _llama(
            "Llama 2 7B",
            2023,
            7e9,
            2.0e12,
            "touvron2023llama2, table 1",
            llama_config(32, 4_096, 32, context_length=4_096),
        ),
        _llama(
            "Llama 2 13B",
            2023,
            13e9,
            2.0e12,
            "touvron2023llama2, table 1",
            llama_config(40, 5_120, 40, context_length=4_096),
        ),
        _llama(
            "Llama 2 70B",
            2023,
            70e9,
            2.0e12,
            "touvron2023llama2, table 1",
            llama_config(80, 8_192, 64, 8, 28_672, context_length=4_096),
            note=_LLAMA_2_70B,
        ),
        _llama(
            "Llama 3 8B",
            2024,
            8e9,
            15e12,
            "grattafiori2024, table 3",
            llama_config(32, 4_096, 32, 8, 14_336, **_LLAMA_3),
            note=_LLAMA_3_VOCABULARY,
        ),
        _llama(
            "Llama 3 70B",
            2024,
            70e9,
            15e12,
            "grattafiori2024, table 3",
            llama_config(80, 8_192, 64, 8, 28_672, **_LLAMA_3),
            note=_LLAMA_3_VOCABULARY,
        ),
        _llama(
            "Llama 3 405B",
            2024,
            405e9,
            15.6e12,
            "grattafiori2024, table 3",
            llama_config(126, 16_384, 128, 8, 53_248, **_LLAMA_3),
            note=_LLAMA_3_VOCABULARY,
        ),
        PublishedModel(
            name="Gopher",
            family="Gopher",
            year=2021,
            config=gopher_config(80, 16_384, 128),
            reported_parameters=280e9,
            training_tokens=300e9,
            source="hoffmann2022, table 4",
        ),
        PublishedModel(
            name="Chinchilla",
            family="Gopher",
            year=2022,
            config=gopher_config(80, 8_192, 64),
            reported_parameters=70e9,
            training_tokens=1.4e12,
            source="hoffmann2022, table 4",
        ),
    )
}

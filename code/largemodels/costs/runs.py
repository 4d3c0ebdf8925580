"""Published training runs: the work they report, and the device hours they took."""

from dataclasses import dataclass

from largemodels.costs.compute import training_flops, utilization
from largemodels.costs.hardware import DEVICES
from largemodels.costs.models import MODELS


@dataclass(frozen=True, kw_only=True)
class HoursRun:
    """A run whose report states device hours.

    model: a name in MODELS, which gives N and the tokens. device: a name in DEVICES.
    """

    model: str
    device: str
    hours: float
    source: str

    @property
    def flops(self) -> float:
        """6 N D with the exact count."""
        model = MODELS[self.model]
        return training_flops(model.counted, model.training_tokens)

    @property
    def utilization(self) -> float:
        """Share of the device's peak that 6 N D in these hours amounts to."""
        return utilization(self.flops, self.hours, DEVICES[self.device].peak)


_LLAMA_1 = "touvron2023llama, table 15"
_LLAMA_2 = "touvron2023llama2, table 2"
_LLAMA_3 = "meta2024card"

RUNS = tuple(
    HoursRun(model=model, device=device, hours=hours, source=source)
    for model, device, hours, source in (
        ("LLaMA 7B", "A100 SXM 80 GB", 82_432, _LLAMA_1),
        ("LLaMA 13B", "A100 SXM 80 GB", 135_168, _LLAMA_1),
        ("LLaMA 33B", "A100 SXM 80 GB", 530_432, _LLAMA_1),
        ("LLaMA 65B", "A100 SXM 80 GB", 1_022_362, _LLAMA_1),
        ("Llama 2 7B", "A100 SXM 80 GB", 184_320, _LLAMA_2),
        ("Llama 2 13B", "A100 SXM 80 GB", 368_640, _LLAMA_2),
        ("Llama 2 70B", "A100 SXM 80 GB", 1_720_320, _LLAMA_2),
        ("Llama 3 8B", "H100 SXM", 1.46e6, _LLAMA_3),
        ("Llama 3 70B", "H100 SXM", 7.0e6, _LLAMA_3),
        ("Llama 3 405B", "H100 SXM", 30.84e6, _LLAMA_3),
    )
)

# GPT-3's Table D.1 (Brown et al. 2020), as printed: parameters in millions, training
# FLOPs, PF-days. Each model saw 300 billion tokens.
GPT3_COMPUTE = {
    "GPT-3 Small": (125, 2.25e20, 2.60),
    "GPT-3 Medium": (356, 6.41e20, 7.42),
    "GPT-3 Large": (760, 1.37e21, 15.8),
    "GPT-3 XL": (1_320, 2.38e21, 27.5),
    "GPT-3 2.7B": (2_650, 4.77e21, 55.2),
    "GPT-3 6.7B": (6_660, 1.20e22, 139.0),
    "GPT-3 13B": (12_850, 2.31e22, 268.0),
    "GPT-3 175B": (174_600, 3.14e23, 3_640.0),
}

"""Accelerators: peak rate, memory, and where the numbers stand.

Peaks are dense (no sparsity) for 16-bit matrix products with 32-bit sums, in FLOP/s.
Data sheets like to print the rate with 2:4 sparsity, which is twice as high and which
no training run in this book uses.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """One accelerator.

    peak: FLOP/s, dense, 16 bits. memory: bytes. bandwidth: bytes a second.
    """

    name: str
    year: int
    peak: float
    memory: float
    bandwidth: float
    source: str


DEVICES = {
    device.name: device
    for device in (
        Device(
            "V100 SXM 32 GB",
            2018,
            125e12,
            32e9,
            0.9e12,
            "NVIDIA V100 data sheet (float16; it has no bfloat16)",
        ),
        Device(
            "A100 SXM 80 GB",
            2020,
            312e12,
            80e9,
            2.039e12,
            "NVIDIA A100 data sheet",
        ),
        Device(
            "H100 SXM",
            2022,
            989e12,
            80e9,
            3.35e12,
            "NVIDIA H100 data sheet: 1,979 with sparsity, half of it without",
        ),
        Device(
            "H200 SXM",
            2024,
            989e12,
            141e9,
            4.8e12,
            "NVIDIA H200 data sheet: 1,979 with sparsity, half of it without",
        ),
    )
}

# Dollars a GPU hour. The one price in this book that a training report states: the
# DeepSeek-V3 report (2024, table 1) assumes it for renting an H800. Rents move.
ASSUMED_PRICE = 2.0

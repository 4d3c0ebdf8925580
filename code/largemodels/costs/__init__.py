"""What models cost: parameters, arithmetic, memory, and the published record.

parameters  exact counts from a config, by part
compute     FLOPs of training and use, bytes of weights and training state, hours
flops       FLOPs of each kind of layer, and of a training step
activations bytes kept for the backward pass
states      bytes of optimizer state, whole and divided over devices (ZeRO)
traffic     bytes that an operation moves
roofline    what bounds an operation, the processor or its memory
utilization how much of the peak a run turns into its model: MFU, HFU
collectives what devices send one another, and how long it takes on a ring
pipelines   how long stages wait, and how much they keep meanwhile
serving     what generating a token costs
hardware    peak rates and memory of accelerators, each with its source
models      published models: their configs beside what their papers say
chinchilla  the fifty models of the Chinchilla paper's Table A9
runs        published training runs: device hours and reported FLOPs
timeline    a history in numbers, from 1960

Framework-free: NumPy and the standard library.
"""

"""Bytes of activations and of optimizer state, against tables and a real step."""

import numpy as np
import pytest
import torch
from largemodels.configs import MLPConfig, TransformerConfig
from largemodels.costs import activations, states
from largemodels.costs.compute import (
    GB,
    GIB,
    MIXED_ADAM,
    cache_bytes,
    training_bytes,
)
from wings import WINGS

EXACT = {"rel": 1e-12, "abs": 0}  # a few roundings in float64
MODULES = {
    "relu": torch.nn.ReLU,
    "sigmoid": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
    "softplus": torch.nn.Softplus,
    "gelu": torch.nn.GELU,
    "silu": torch.nn.SiLU,
}


def bytes_kept(run, net):
    """Bytes that autograd keeps for the backward pass, weights not counted."""
    weights = {p.untyped_storage().data_ptr() for p in net.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage  # held, so that none is used again
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        run()
    return sum(storage.nbytes() for storage in kept.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("activation", MODULES)
def test_a_perceptron_keeps_what_the_count_says(activation, dtype):
    config = MLPConfig(
        d_in=13, hidden=(17, 11, 19), num_classes=7, activation=activation
    )
    parts = []
    for d_in, d_out in zip(config.widths, config.widths[1:], strict=False):
        parts += [torch.nn.Linear(d_in, d_out, dtype=dtype), MODULES[activation]()]
    net = torch.nn.Sequential(*parts[:-1])
    x = torch.randn(5, 13, dtype=dtype)
    expected = activations.mlp_bytes(config, 5, dtype.itemsize)
    assert bytes_kept(lambda: net(x), net) == expected


def test_half_the_batch_keeps_half():
    config = MLPConfig(d_in=13, hidden=(17,), num_classes=7)
    assert activations.mlp_bytes(config, 8) == 2 * activations.mlp_bytes(config, 4)


def published(model, **options):
    """GiB a block keeps with t = 8 and one sequence of 2,048 tokens."""
    d_model, heads = {"22B": (6144, 64), "175B": (12288, 96)}[model]
    kept = activations.block_bytes(
        2048, 1, d_model, heads, **({"tensor_parallel": 8} | options)
    )
    return kept / GIB


def test_blocks_of_gpt3():
    """Bytes a block of 175B parameters keeps on each of eight devices, in GiB."""
    assert round(published("175B", tensor_parallel=1), 3) == 2.672
    assert round(published("175B"), 3) == 0.539
    assert round(published("175B", sequence_parallel=True), 3) == 0.334
    selective = {"sequence_parallel": True, "recompute": "selective"}
    assert round(published("175B", **selective), 3) == 0.100
    assert round(published("175B", recompute="full"), 3) == 0.047


@pytest.mark.parametrize("t", [1, 8])
def test_blocks_follow_the_table_of_the_paper(t):
    s, b, h, a = 2048, 3, 6144, 64

    def kept(**options):
        return activations.block_bytes(s, b, h, a, tensor_parallel=t, **options)

    sbh, scores = s * b * h, 5 * a * s / h
    assert kept() == pytest.approx(sbh * (10 + 24 / t + scores / t), **EXACT)
    whole = kept(sequence_parallel=True)
    assert whole == pytest.approx(sbh * (34 + scores) / t, **EXACT)
    assert kept(recompute="selective") == pytest.approx(sbh * (10 + 24 / t), **EXACT)
    both = kept(sequence_parallel=True, recompute="selective")
    assert both == pytest.approx(34 * sbh / t, **EXACT)
    assert kept(recompute="full") == 2 * sbh


def dropout(x):
    """PyTorch's dropout with a mask of one byte, as a GPU keeps it."""
    return torch.ops.aten.native_dropout(x, 0.1, True)[0]


class Block(torch.nn.Module):
    """The paper's block: dropout in three places, attention not fused, 16 bits."""

    def __init__(self, width, heads):
        super().__init__()
        shape, options = (width, width), {"dtype": torch.bfloat16}
        self.heads, self.scale = heads, (width // heads) ** -0.5
        self.norms = torch.nn.ModuleList(
            torch.nn.LayerNorm(width, **options) for _ in range(2)
        )
        self.qkvo = torch.nn.ModuleList(
            torch.nn.Linear(*shape, **options) for _ in range(4)
        )
        self.up = torch.nn.Linear(width, 4 * width, **options)
        self.down = torch.nn.Linear(4 * width, width, **options)

    def forward(self, x):
        query, key, value, output = self.qkvo
        y = self.norms[0](x)
        q, k, v = (
            part(y).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (query, key, value)
        )
        shares = dropout((q @ k.mT * self.scale).softmax(-1))
        x = x + dropout(output((shares @ v).transpose(1, 2).flatten(2)))
        y = torch.nn.functional.gelu(self.up(self.norms[1](x)))
        return x + dropout(self.down(y))


def test_a_block_keeps_what_the_paper_counts():
    b, s, h, a = 3, 7, 20, 5
    block = Block(h, a)
    x = torch.randn(b, s, h, dtype=torch.bfloat16, requires_grad=True)
    kept = bytes_kept(lambda: block(x), block)
    # The paper leaves out mean and root of each row of the two norms.
    statistics = 2 * 2 * s * b * torch.bfloat16.itemsize
    assert kept == activations.block_bytes(s, b, h, a) + statistics


def test_the_parts_of_a_block():
    """11 for attention, 19 for the feed-forward network, 4 for the norms; 5 a s / h."""
    assert sum(each for _, _, each in activations.BLOCK) == 11 + 19 + 4
    assert 5 * 96 * 2048 / 12288 == 80  # GPT-3
    assert 5 * 128 * 2048 / 20480 == 64  # MT-NLG


def test_a_stack_is_so_many_blocks():
    config = TransformerConfig(
        vocab_size=101, context_length=32, num_layers=3, d_model=48, num_heads=4
    )
    one = activations.block_bytes(32, 5, 48, 4, tensor_parallel=2)
    assert activations.stack_bytes(config, 5, tensor_parallel=2) == 3 * one
    with pytest.raises(ValueError, match="needs F = 4 D"):
        activations.stack_bytes(TransformerConfig(**vars(config) | {"d_ff": 7}), 5)


def test_checkpoints_of_a_public_worked_example():
    """Llama 3 70B on 4M tokens, four checkpoints a layer: 20.9 TB, 21.6 TB in all."""
    once = activations.block_bytes(4_000_000, 1, 8192, 64, recompute="full")
    checkpoints = 4 * 80 * once
    assert checkpoints / 1e12 == pytest.approx(20.9, rel=0.005, abs=0)
    # weights in 16 bits and two moments in 32
    total = checkpoints + training_bytes(70e9, {"weights": 2, "moments": 8})
    assert total / 1e12 == pytest.approx(21.6, rel=0.005, abs=0)


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        (4, (120, 52.5, 41.25, 30)),
        (64, (120, 31.4, 16.6, 1.9)),
        (1024, (120, 30.1, 15.1, 0.12)),
    ],
)
def test_zero_as_published(devices, expected):
    """7.5 billion parameters: the table of the ZeRO paper, in GB."""
    for stage, number in enumerate(expected):
        count = states.sharded_bytes(7.5e9, devices, stage) / GB
        digits = len(str(number).partition(".")[2])
        assert round(count, digits) == number


def test_sixteen_and_eighteen_bytes():
    assert states.sharded_bytes(1, 1, 0) == sum(MIXED_ADAM.values()) == 16
    assert states.sharded_bytes(1.5e9, 1, 3) == 24e9  # GPT-2
    for n in (1, 8, 64):
        megatron = states.sharded_bytes(1, n, 1, gradients=4)
        assert megatron == pytest.approx(6 + 12 / n, **EXACT)
        assert states.sharded_bytes(1, n, 0, gradients=4) == 18


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adagrad": lambda p: torch.optim.Adagrad(p),
    "rmsprop": lambda p: torch.optim.RMSprop(p),
    "adam": lambda p: torch.optim.Adam(p),
    "adamw": lambda p: torch.optim.AdamW(p),
    "muon": lambda p: torch.optim.Muon(p),
}


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_optimizers_keep_what_the_count_says(rule):
    net = torch.nn.Sequential(
        torch.nn.Linear(13, 17, bias=False), torch.nn.Linear(17, 7, bias=False)
    )
    optimizer = OPTIMIZERS[rule](net.parameters())
    net(torch.randn(5, 13)).sum().backward()
    optimizer.step()
    kept = sum(
        value.nbytes
        for state in optimizer.state.values()
        for value in state.values()
        if torch.is_tensor(value) and value.ndim  # without counters of steps
    )
    assert kept == states.optimizer_bytes(13 * 17 + 17 * 7, rule)


wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
OURS = {"sgd": "GradientDescent", "adagrad": "AdaGrad", "rmsprop": "RMSProp"}
OURS |= {"adam": "Adam", "adamw": "AdamW"}


@wings
@pytest.mark.parametrize("rule", states.STATES)
def test_our_optimizers_keep_what_the_count_says(wing, rule):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=s).astype("float32") for s in ((13, 17), (17, 7))]
    params = [wing.variable(a) for a in arrays]
    name = OURS.get(rule, rule.capitalize())
    optimizer = wing.make(name, params, learning_rate=0.1)
    wing.apply(optimizer, params, arrays)
    if wing.name == "tf":
        kept = optimizer.variables
    else:
        kept = [value for state in optimizer.state.values() for value in state.values()]
    found = sum(
        wing.tensor.numpy(value).nbytes
        for value in kept
        if len(getattr(value, "shape", ()))  # without counters of steps, and the rate
    )
    assert found == states.optimizer_bytes(13 * 17 + 17 * 7, rule)


@wings
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("num_kv_heads", [6, 2])
def test_a_cache_takes_what_the_count_says(wing, dtype, num_kv_heads):
    config = TransformerConfig(
        vocab_size=11,
        context_length=13,
        num_layers=3,
        d_model=12,
        num_heads=6,
        num_kv_heads=num_kv_heads,
        head_width=4,
    )
    cache = wing.transformer.Transformer(config, dtype).new_cache(5, 7)
    kept = sum(np.asarray(a).nbytes for c in cache for a in (c.keys, c.values))
    assert kept == cache_bytes(config, 5 * 7, dtype)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: activations.block_bytes(8, 1, 8, 6, tensor_parallel=4), "divide"),
        (lambda: activations.block_bytes(8, 1, 8, 4, recompute="all"), "one of none"),
        (lambda: states.sharded_bytes(1, 2, 4), "stage must be at most 3"),
        (lambda: states.sharded_bytes(0, 2, 1), "parameters must be above 0"),
        (lambda: states.sharded_bytes(1, 2, 1, weights=-1), "weights must be at least"),
        (lambda: states.optimizer_bytes(5, "adamax"), "rule must be one of sgd"),
    ],
)
def test_impossible_memory_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()

"""FLOPs of layers and of steps, against PyTorch's counter on real passes."""

from functools import partial

import pytest
import torch
from largemodels.configs import MLPConfig, TransformerConfig
from largemodels.costs import flops
from largemodels.costs.models import MODELS
from largemodels.costs.parameters import count_parameters, matrix_parameters
from largemodels.pytorch.layers import MLP
from largemodels.pytorch.transformer import Transformer
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode


def counted(run):
    """FLOPs that the counter sees; fused attention on a CPU would be missed."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        run()
    return counter.get_total_flops()


def test_a_linear_map():
    net, x = torch.nn.Linear(13, 17), torch.randn(5, 7, 13, requires_grad=True)
    forward = flops.linear_flops(5 * 7, 13, 17)
    assert counted(lambda: net(x)) == forward
    assert counted(lambda: net(x).sum().backward()) == 3 * forward


@pytest.mark.parametrize("kv_heads", [6, 2])
def test_attention(kv_heads):
    q = torch.randn(3, 6, 11, 5, requires_grad=True)
    k, v = (torch.randn(3, kv_heads, 13, 5, requires_grad=True) for _ in "kv")

    def run(backward):
        grouped = kv_heads != 6
        out = torch.nn.functional.scaled_dot_product_attention(
            q, k, v, enable_gqa=grouped
        )
        if backward:
            out.sum().backward()

    forward = flops.attention_flops(3, 6, 11, 13, 5)
    assert counted(lambda: run(False)) == forward
    assert counted(lambda: run(True)) == 3 * forward


def test_causal_counting_is_of_the_pairs_that_are_seen():
    seen = torch.ones(11, 11).tril().sum().item()
    assert flops.attention_flops(3, 6, 11, 11, 5, causal=True) == 4 * 3 * 6 * 5 * seen


CONVOLUTIONS = [
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": (3, 5), "stride": (2, 3), "padding": (0, 2), "dilation": (2, 1)},
    {"kernel_size": 3, "groups": 2},
]


@pytest.mark.parametrize("options", CONVOLUTIONS)
def test_a_convolution(options):
    net = torch.nn.Conv2d(4, 6, **options)
    x = torch.randn(5, 4, 13, 17, requires_grad=True)
    size_out = net(x).shape[2:]
    forward = flops.convolution_flops(
        5, 4, 6, net.kernel_size, size_out, groups=net.groups
    )
    assert counted(lambda: net(x)) == forward
    if net.groups == 1:  # of groups the counter takes the gradient for a dense one
        assert counted(lambda: net(x).sum().backward()) == 3 * forward


def test_a_convolution_of_sequences():
    net, x = torch.nn.Conv1d(4, 6, 3), torch.randn(5, 4, 13)
    assert counted(lambda: net(x)) == flops.convolution_flops(5, 4, 6, (3,), (11,))


@pytest.mark.parametrize("kind", flops.GATES)
def test_recurrent_cells(kind):
    cells = {"plain": "RNNCell", "gru": "GRUCell", "lstm": "LSTMCell"}
    cell = getattr(torch.nn, cells[kind])(13, 17)
    x = torch.randn(7, 5, 13)

    def run():
        state = None
        for step in x:
            state = cell(step, state)

    assert counted(run) == flops.recurrent_flops(kind, 5, 7, 13, 17)


@pytest.mark.parametrize("input_gradient", [False, True])
def test_a_step_of_a_perceptron(input_gradient):
    config = MLPConfig(d_in=13, hidden=(17, 11), num_classes=7)
    net = MLP(config)
    x = torch.randn(5, 13, requires_grad=input_gradient)
    expected = flops.mlp_step_flops(config, 5, input_gradient=input_gradient)
    assert counted(lambda: net(x).sum().backward()) == expected


GPT = TransformerConfig(
    vocab_size=65, context_length=64, num_layers=4, d_model=128, num_heads=4
)
SMALL = TransformerConfig(
    vocab_size=31, context_length=11, num_layers=2, d_model=24, num_heads=4
)
LLAMA = TransformerConfig(
    vocab_size=31,
    context_length=11,
    num_layers=2,
    d_model=24,
    num_heads=4,
    num_kv_heads=2,
    d_ff=40,
    gated=True,
    activation="silu",
    norm="rms",
    positions="rope",
    bias=False,
    tied_embeddings=False,
)


@pytest.mark.parametrize("config", [SMALL, LLAMA], ids=["gpt", "llama"])
def test_a_step_of_a_transformer(config):
    model = Transformer(config)
    ids = torch.randint(config.vocab_size, (3, 11))
    expected = flops.step_flops(config, 3)
    assert counted(lambda: model(ids).sum().backward()) == expected


def test_a_step_of_the_model_that_is_timed():
    """4 layers, 4 heads, width 128, context 64, batch 12: 3,964,207,104 FLOPs."""
    assert matrix_parameters(GPT) == 794_752
    assert flops.step_flops(GPT, 12) == 3_964_207_104
    model, ids = Transformer(GPT), torch.randint(65, (12, 64))
    assert counted(lambda: model(ids).sum().backward()) == 3_964_207_104


def test_the_counter_omits_fused_attention():
    """The same step on a CPU, as PyTorch chooses: 12 L D T a token are not seen."""
    model, ids = Transformer(GPT), torch.randint(65, (12, 64))
    with FlopCounterMode(display=False) as counter:
        model(ids).sum().backward()
    scores = 12 * 4 * 128 * 64 * 768
    assert counter.get_total_flops() == 3_662_217_216 == 3_964_207_104 - scores


def test_a_public_course_s_gpt2_xl():
    """With SwiGLU of width 6,400: its parameters, and 4.5133e12 FLOPs forward."""
    config = TransformerConfig(
        vocab_size=50_257,
        context_length=1024,
        num_layers=48,
        d_model=1600,
        num_heads=25,
        d_ff=6400,
        gated=True,
        norm="rms",
        positions="rope",
        bias=False,
        tied_embeddings=False,
    )
    assert count_parameters(config)["total"] == 2_127_057_600
    forward = flops.step_flops(config, 1) / 3
    assert f"{forward:.4e}" == "4.5133e+12"


def test_what_is_computed_again():
    """A checkpointed block is counted forward twice."""
    model = Transformer(SMALL)
    ids = torch.randint(SMALL.vocab_size, (3, 11))

    for block in model.blocks:
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)
    # PyTorch stops computing again at the last tensor that it needs: the second
    # feed-forward map's output is none.
    spared = SMALL.num_layers * flops.linear_flops(3 * 11, 96, 24)
    expected = flops.step_flops(SMALL, 3, recompute="full") - spared
    assert counted(lambda: model(ids).sum().backward()) == expected


def test_recomputation_is_ordered_and_causal_counting_smaller():
    config = MODELS["GPT-3 175B"].config
    steps = [flops.step_flops(config, 1, recompute=r) for r in flops.RECOMPUTE]
    assert steps == sorted(steps)
    assert 1.3 < steps[2] / steps[0] < 4 / 3
    scores = 4 * 96 * 12288 * 2048 * 2048
    assert steps[1] - steps[0] == scores
    difference = steps[0] - flops.step_flops(config, 1, causal=True)
    assert difference == 3 * scores * 2047 / 4096


def test_the_sizing_of_gpt2():
    """Two public counts of one step of GPT-2 with 1,024 tokens."""
    config = MODELS["GPT-2 small"].config
    assert flops.step_flops(config, 1) == 874_944_921_600


@pytest.mark.parametrize("layers", [96, 105])
def test_the_formula_of_the_recomputation_paper(layers):
    """72 B L s h^2 (1 + s / 6h + V / 12 h L), in whole numbers."""
    B, s, h, V = 3, 2048, 12288, 51200
    config = TransformerConfig(
        vocab_size=V, context_length=s, num_layers=layers, d_model=h, num_heads=96
    )
    formula = 72 * B * layers * s * h * h + 12 * B * layers * s * s * h
    formula += 6 * B * s * h * V
    assert flops.step_flops(config, B) == formula


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: flops.linear_flops(0, 1, 1), "rows must be at least 1"),
        (lambda: flops.attention_flops(1, 1, 2, 3, 1, causal=True), "got 2 and 3"),
        (lambda: flops.convolution_flops(1, 3, 4, (1,), (1,), 2), "groups must divide"),
        (lambda: flops.convolution_flops(1, 1, 1, (1,), (1, 1)), "equally many axes"),
        (lambda: flops.convolution_flops(1, 1, 1, (0,), (1,)), "at least 1, got 0"),
        (lambda: flops.recurrent_flops("rnn", 1, 1, 1, 1), "plain, gru, lstm"),
        (lambda: flops.step_flops(SMALL, 1, recompute="some"), "none, selective, full"),
        (lambda: flops.step_flops(SMALL, 1, 0), "context must be at least 1"),
    ],
)
def test_what_is_no_layer_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_sizes_enter_as_a_product():
    """Doubling any size doubles the work: nothing is forgotten or counted twice."""
    sizes = [3, 5, 7, 11, 13]
    base = flops.attention_flops(*sizes)
    for i in range(5):
        doubled = [2 * size if j == i else size for j, size in enumerate(sizes)]
        assert flops.attention_flops(*doubled) == 2 * base

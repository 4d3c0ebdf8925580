"""Recurrent networks of every wing against torch.nn.RNN, LSTM and GRU."""

import copy

import numpy as np
import pytest
import torch
from largemodels.configs import RecurrentConfig
from largemodels.parameters import initial_parameters
from numpy.testing import assert_allclose, assert_array_equal
from torch.nn.utils import rnn as padding
from wings import PYTORCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]
cells = pytest.mark.parametrize(("cell", "activation"), CELLS)
B, T, D, H, L = 3, 7, 5, 11, 2
LENGTHS = np.array([7, 1, 4])
# Sums of at most 11 products of numbers near 1, through 7 steps and two layers.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def torch_name(name):
    """weight_ih_l0_reverse of backward_layers.0.input_weight."""
    direction, level, part = name.split(".")
    kinds = {"input_weight": "weight_ih", "recurrent_weight": "weight_hh"}
    kind = kinds.get(part) or {"bias": "bias_ih", "candidate_bias": "bias_hh"}[part]
    return f"{kind}_l{level}" + ("_reverse" if direction[0] == "b" else "")


def counterpart(cell, activation, named):
    """torch's network with the same numbers; its second biases are zero."""
    options = {"nonlinearity": activation} if cell == "rnn" else {}
    kind = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
    net = kind(D, H, L, batch_first=True, bidirectional=True, **options).double()
    with torch.no_grad():
        for name, p in net.named_parameters():
            if "bias_hh" in name:
                p.zero_()
        for name, array in named.items():
            p = getattr(net, torch_name(name))
            if name.endswith("candidate_bias"):
                p = p[2 * H :]
            p.copy_(torch.tensor(array.T))
    return net


def their_gradients(net, named):
    """By our names, in our layout."""
    found = {}
    for name in named:
        g = getattr(net, torch_name(name)).grad.numpy().T
        found[name] = g[2 * H :] if name.endswith("candidate_bias") else g
    return found


@wings
@cells
@pytest.mark.parametrize("packed", [False, True])
def test_two_layers_in_both_directions(wing, cell, activation, packed):
    """Outputs, last states, and the gradients of all inputs and parameters."""
    config = RecurrentConfig(
        cell=cell,
        activation=activation,
        d_in=D,
        d_hidden=H,
        num_classes=1,
        num_layers=L,
        bidirectional=True,
    )
    stack = wing.recurrent.RecurrentStack(config, dtype="float64")
    named = wing.layers.read_parameters(stack)
    named = {n: normal(i, *a.shape) / 2 for i, (n, a) in enumerate(named.items())}
    wing.layers.load_parameters(stack, named)
    count = 2 if cell == "lstm" else 1
    x, first = normal(90, B, T, D), normal(91, count, 2 * L, B, H)

    def ours(x, *flat):
        state = [tuple(flat[i : i + count]) for i in range(0, len(flat), count)]
        lengths = wing.tensor.tensor(LENGTHS) if packed else None
        outputs, after = stack(x, state, lengths)
        return [outputs, *(part for state in after for part in state)]

    arrays = [x, *(first[k, i] for i in range(2 * L) for k in range(count))]
    found = [wing.tensor.numpy(y) for y in ours(*map(wing.tensor.tensor, arrays))]
    cotangents = [normal(50 + i, *y.shape) for i, y in enumerate(found)]
    grads, of_parameters = wing.pull_all(stack, ours, cotangents, *arrays)

    net = counterpart(cell, activation, named)
    x, first = (torch.tensor(a, requires_grad=True) for a in (x, first))
    given = (first[0], first[1]) if cell == "lstm" else first[0]
    if packed:
        pack = padding.pack_padded_sequence(x, LENGTHS, True, enforce_sorted=False)
        outputs, after = net(pack, given)
        outputs, _ = padding.pad_packed_sequence(outputs, True, total_length=T)
    else:
        outputs, after = net(x, given)
    after = after if cell == "lstm" else (after,)
    expected = [outputs, *(after[k][i] for i in range(2 * L) for k in range(count))]
    pairs = zip(expected, cotangents, strict=True)
    sum((y * torch.tensor(c)).sum() for y, c in pairs).backward()
    for y, theirs in zip(found, expected, strict=True):
        assert_allclose(y, theirs.detach().numpy(), **CLOSE)
    firsts = [first.grad[k, i] for i in range(2 * L) for k in range(count)]
    for g, theirs in zip(grads, [x.grad, *firsts], strict=True):
        assert_allclose(g, theirs.numpy(), **CLOSE)
    for name, theirs in their_gradients(net, named).items():
        assert_allclose(of_parameters[name], theirs, **CLOSE)


def test_the_number_of_parameters_is_torchs_less_the_doubled_biases():
    for cell, kind in (("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU)):
        config = RecurrentConfig(cell=cell, d_in=D, d_hidden=H, num_classes=1)
        ours = sum(
            a.size
            for n, a in initial_parameters(config, 0).items()
            if n.startswith("recurrent")
        )
        theirs = sum(p.numel() for p in kind(D, H).parameters())
        assert theirs - ours == {"lstm": 4 * H, "gru": 2 * H}[cell]


def test_a_model_is_a_torch_module():
    """It copies, changes its type, and saves and loads its state."""
    config = RecurrentConfig(
        cell="gru", vocab_size=13, d_hidden=H, num_classes=13, bidirectional=True
    )
    model = PYTORCH.recurrent.RecurrentModel(config, seed=1)
    ids = torch.tensor(np.random.default_rng(0).integers(0, 13, (B, T)))
    expected = model(ids)
    twin = copy.deepcopy(model)
    other = PYTORCH.recurrent.RecurrentModel(config, seed=2)
    assert not torch.equal(other(ids), expected)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(ids), expected)
    with torch.no_grad():
        model.output.bias += 1
    assert torch.equal(twin(ids), expected)
    assert twin.to(torch.float64)(ids).dtype == torch.float64
    assert_array_equal(list(model.state_dict()), list(initial_parameters(config, 0)))


def test_what_cells_say_of_torch():
    """torch.nn.LSTM starts its two biases at random, and the forget gate's near 0."""
    torch.manual_seed(0)
    net = torch.nn.LSTM(D, 64)
    forget = (net.bias_ih_l0 + net.bias_hh_l0)[64:128]
    assert 0 < forget.abs().max() <= 2 / 8
    layer = PYTORCH.recurrent.RecurrentLayer(D, 64)
    assert_array_equal(layer.bias.detach()[64:128], np.ones(64))

"""The same rooms in every wing: equal public names, and equal arguments."""

import inspect

import pytest
from wings import FLOORS, OPTIMIZERS, OTHERS, SCRATCH, WINGS


@pytest.mark.parametrize("wing", OTHERS, ids=repr)
@pytest.mark.parametrize("floor", FLOORS)
def test_public_names_are_equal(wing, floor):
    assert getattr(wing, floor).__all__ == getattr(SCRATCH, floor).__all__


@pytest.mark.parametrize("wing", WINGS, ids=repr)
@pytest.mark.parametrize("floor", FLOORS)
def test_public_names_are_there_and_say_what_they_are(wing, floor):
    module = getattr(wing, floor)
    for name in module.__all__:
        assert hasattr(module, name)
        if name != "ACTIVATIONS":
            assert inspect.getdoc(getattr(module, name))


def arguments(thing):
    """Names and defaults of what a caller may give, leaving out **kwargs."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(thing).parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD
    }


SAME_ARGUMENTS = [
    (floor, name)
    for floor in FLOORS[: FLOORS.index("optimizers")]
    for name in getattr(SCRATCH, floor).__all__
    if name != "ACTIVATIONS"
]


@pytest.mark.parametrize("wing", OTHERS, ids=repr)
@pytest.mark.parametrize(("floor", "name"), SAME_ARGUMENTS)
def test_arguments_are_equal(wing, floor, name):
    ours = arguments(getattr(getattr(wing, floor), name))
    if (wing.name, name) == ("pytorch", "KVCache"):
        assert ours.pop("device") is None  # where it lies; TensorFlow chooses itself
    assert ours == arguments(getattr(getattr(SCRATCH, floor), name))


@pytest.mark.parametrize("wing", OTHERS, ids=repr)
@pytest.mark.parametrize("name", ["train", "train_step", "evaluate"])
def test_arguments_of_training_are_equal(wing, name):
    """All but the default of `loss`, which is each wing's own cross-entropy."""
    ours = arguments(getattr(wing.training, name))
    scratch = arguments(getattr(SCRATCH.training, name))
    assert ours.pop("loss") is wing.losses.cross_entropy
    assert scratch.pop("loss") is SCRATCH.losses.cross_entropy
    assert ours == scratch


@pytest.mark.parametrize("wing", OTHERS, ids=repr)
@pytest.mark.parametrize("name", ["predict", "choose_device"])
def test_arguments_of_using_are_equal(wing, name):
    ours = arguments(getattr(wing.training, name))
    assert ours == arguments(getattr(SCRATCH.training, name))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_arguments_of_optimizers_are_equal(name):
    """Keras's optimizers take a name, and their parameters later."""
    scratch = arguments(getattr(SCRATCH.optimizers, name))
    torch = arguments(getattr(OTHERS[0].optimizers, name))
    keras = arguments(getattr(OTHERS[1].optimizers, name))
    assert torch == scratch
    keras.pop("name")
    assert keras == {k: v for k, v in scratch.items() if k != "params"}


@pytest.mark.parametrize("wing", WINGS, ids=repr)
def test_activations_are_those_of_the_configs(wing):
    from largemodels.configs import ACTIVATIONS

    assert tuple(wing.functional.ACTIVATIONS) == ACTIVATIONS
    for name, function in wing.functional.ACTIVATIONS.items():
        assert function is getattr(wing.functional, name)

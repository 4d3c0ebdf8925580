"""check(): a reader's answer against the reference, and what to say to a wrong one.

The message holds the input, what was expected, what came, and a hint. It never holds
the solution: no source, and no frame of a reference in the traceback.
"""

import copy
import functools
import inspect
import linecache
import warnings

import numpy as np

from largemodels.page import adapter, answers
from largemodels.page.compare import changed, difference, shortened
from largemodels.page.output import PageError

SEED = 20240


class WrongAnswer(PageError):  # noqa: N818  (it is an answer, not an error)
    """An answer that is not right yet; the message says for which input, and a hint."""


def check(name, answer, framework=None):
    """Test an answer to an exercise; print one line if it is right.

    answer     a function, written with NumPy, PyTorch or TensorFlow
    framework  "numpy", "torch" or "tensorflow"; None finds it from the names that the
               function uses. Arrays come to the answer as that framework's tensors;
               results of any framework are read.

    Raises WrongAnswer (an AssertionError) with the input, what was expected, what came
    and a hint; ValueError where no check has this name or the framework is not
    imported, TypeError where the answer is no function.
    """
    reference = answers.get(name)
    if not callable(answer):
        raise TypeError(f'check("{name}", ...) takes a function, got {answer!r}')
    framework = framework or adapter.framework_of(answer)
    adapter.loaded(framework)
    rng = np.random.default_rng(SEED)
    if reference.judge is not None:
        _judge(reference, answer, framework, rng)
        print(f"{name}: correct")
        return
    cases = reference.cases(rng) if callable(reference.cases) else reference.cases
    for number, case in enumerate(cases, 1):
        place = f"case {number} of {len(cases)}"
        case = case if isinstance(case, tuple) else (case,)
        _try_case(reference, answer, framework, case, place)
    print(f"{name}: correct ({len(cases)} case{'s' * (len(cases) > 1)})")


def _try_case(reference, answer, framework, case, place):
    """Run the answer on one case; raise WrongAnswer unless it gives what it should."""
    with np.errstate(all="ignore"):
        expected = adapter.to_numpy(reference.function(*copy.deepcopy(case)))
    case = answers.for_the_answer(case)
    given = adapter.to_framework(copy.deepcopy(case), framework)
    tell = functools.partial(_tell, reference, answer, place, case)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            result = adapter.to_numpy(answer(*given))
        except Exception as error:
            _shorten_traceback(error)
            raise tell(_raised(error), expected) from error
    if changed(case, adapter.to_numpy(given)):
        raise tell("the function changes its input; work on a copy", expected)
    fault = difference(expected, result, reference.rtol, reference.atol)
    if fault:
        warned = list(dict.fromkeys(str(warning.message) for warning in warned))
        fault += f" (it warned: {'; '.join(warned)})" if warned else ""
        raise tell(fault, expected, result)


def _judge(reference, answer, framework, rng):
    """Let the reference's judge decide; raise WrongAnswer with what it says."""
    in_numpy = adapter.in_numpy(answer, framework)
    failed = []

    @functools.wraps(answer)
    def watched(*arguments, **named):
        try:
            return in_numpy(*copy.deepcopy(arguments), **copy.deepcopy(named))
        except Exception as error:
            failed.append((error, arguments))
            raise

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fault = reference.judge(watched, rng)
        except Exception as error:
            if not failed or failed[-1][0] is not error:
                raise
            _shorten_traceback(error)
            case = failed[-1][1]
            raise _tell(reference, answer, "tried", case, _raised(error)) from error
    if fault is not None:
        raise WrongAnswer(
            f"{reference.name}: not yet right: {fault}\n  hint:     {reference.hint}"
        )


_NOTHING = object()


def _tell(reference, answer, place, case, fault, expected=_NOTHING, got=_NOTHING):
    """A WrongAnswer that says what was given, expected and got, and the hint."""
    rows = [("input", _inputs(answer, case))]
    if expected is not _NOTHING:
        rows.append(("expected", shortened(expected)))
    if got is not _NOTHING:
        rows.append(("got", shortened(got)))
    rows.append(("hint", reference.hint))
    lines = [f"{reference.name}: not yet right, {place}: {fault}"]
    for title, text in rows:
        indented = text.replace("\n", "\n" + " " * 12)
        lines.append(f"  {title + ':':10}{indented}")
    return WrongAnswer("\n".join(lines))


def _inputs(answer, case):
    """The arguments by the names that the reader gave them."""
    try:
        parameters = inspect.signature(answer).parameters.values()
    except (TypeError, ValueError):
        parameters = ()
    places = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    names = [parameter.name for parameter in parameters if parameter.kind in places]
    names += [f"argument {i + 1}" for i in range(len(names), len(case))]
    pairs = zip(names, case, strict=False)
    return "\n".join(f"{name} = {shortened(value)}" for name, value in pairs)


def _raised(error):
    """What the reader's function raised, and at which of its lines."""
    said = f"it raises {type(error).__name__}: {error}"
    traceback = error.__traceback__
    if traceback is None:
        return said
    code = traceback.tb_frame.f_code
    line = linecache.getline(code.co_filename, traceback.tb_lineno).strip()
    return f"{said}\n  at:       {line}" if line else said


def _shorten_traceback(error):
    """Begin the traceback in the reader's own function, and leave our frames out."""
    kept = []
    traceback = error.__traceback__
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "")
        if not module.startswith("largemodels.page"):
            kept.append(traceback)
        traceback = traceback.tb_next
    for one, following in zip(kept, [*kept[1:], None], strict=False):
        one.tb_next = following
    error.__traceback__ = kept[0] if kept else None

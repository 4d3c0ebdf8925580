"""Where the files of an installed library lie: several data sets come with one."""

import importlib.util
from pathlib import Path


def folder(package: str, distribution: str, use: str) -> Path:
    """The folder of an installed package, which is not imported for it.

    package       the name that is imported, "sklearn"
    distribution  the name that is installed, "scikit-learn"
    use           what it is wanted for, as the end of a sentence

    Raises ModuleNotFoundError where it is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            f"{distribution} is not installed, and {use}", name=package
        )
    return Path(spec.origin).parent

"""The folder of an installed library, found without importing it."""

from pathlib import Path

import numpy as np
import pytest
from largemodels.data import libraries


def test_the_folder_is_where_the_library_was_imported_from():
    found = libraries.folder("numpy", "numpy", "it is read")
    assert found == Path(np.__file__).parent


def test_a_missing_library_is_named_with_its_use():
    words = "^no-one is not installed, and the digits come with it$"
    with pytest.raises(ModuleNotFoundError, match=words) as caught:
        libraries.folder("no_one", "no-one", "the digits come with it")
    assert caught.value.name == "no_one"

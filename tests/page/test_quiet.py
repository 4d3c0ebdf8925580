"""One thread a framework, and nothing on stderr that the reader did not cause."""

import os
import subprocess
import sys
import textwrap

from tests.page import kernels

UNSET = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "TF_CPP_MIN_LOG_LEVEL",
        "TF_ENABLE_ONEDNN_OPTS",
        "KERAS_BACKEND",
    )
)
BEGIN = "from largemodels.page import begin\nbegin()"


def python(source, path=None, **environment):
    """Run a program in a fresh interpreter."""
    variables = {k: v for k, v in os.environ.items() if k not in UNSET}
    variables |= environment
    if path:
        found = [str(path), os.environ.get("PYTHONPATH")]
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, found))
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_three_noisy_moments_of_tensorflow_are_silent_in_a_fresh_kernel():
    begin, load, again, first, compiled, after = kernels.run(
        BEGIN,
        "import keras",  # which imports TensorFlow, as `import tensorflow` does
        "import tensorflow as tf",
        "print(float(tf.reduce_sum(tf.constant([1.0, 2.0]))))",
        "@tf.function(jit_compile=True)\ndef f(x):\n    return 2 * x + 1\n\n"
        "print(float(f(tf.constant(1.0))))",
        "import os, sys\n"
        "print('torch' in sys.modules, keras.backend.backend())\n"
        "os.write(2, b'still heard')\nNone",
        environment=UNSET,
    )
    assert begin == load == again == []
    assert [(o["name"], o["text"]) for o in first] == [("stdout", "3.0\n")]
    assert [(o["name"], o["text"]) for o in compiled] == [("stdout", "3.0\n")]
    texts = {o["name"]: o["text"] for o in after}
    assert texts["stdout"] == "True tensorflow\n"
    assert texts["stderr"] == "still heard"  # what the reader writes is not lost


def test_variables_are_set_before_numpy_is_imported():
    done = python("""
        import builtins, os, sys
        class Watch:
            def find_spec(self, name, path=None, target=None):
                if name == "numpy":
                    print(os.environ.get("OMP_NUM_THREADS"),
                          os.environ.get("OPENBLAS_NUM_THREADS"))
        sys.meta_path.insert(0, Watch())
        import largemodels.page
        print(sorted({"torch", "tensorflow", "keras"} & set(sys.modules)))
    """)
    assert done.stdout.split("\n")[:2] == ["1 1", "[]"], done.stderr


def test_what_the_reader_chose_stays():
    done = python(
        """
        from largemodels.page import begin
        begin()
        import os, torch
        print(os.environ["OMP_NUM_THREADS"], os.environ["TF_CPP_MIN_LOG_LEVEL"],
              torch.get_num_threads(), os.environ["OPENBLAS_NUM_THREADS"],
              os.environ["TF_NUM_INTRAOP_THREADS"])
        """,
        OMP_NUM_THREADS="2",
        TF_NUM_INTRAOP_THREADS="3",
        TF_CPP_MIN_LOG_LEVEL="0",
    )
    assert done.stdout == "2 0 2 2 3\n", done.stderr


def fake(path, name, source):
    """A package of this name that runs the source at its import."""
    (path / name).mkdir()
    (path / name / "__init__.py").write_text(textwrap.dedent(source), "utf-8")


def test_torch_has_one_thread_also_where_it_was_imported_first(tmp_path):
    fake(tmp_path, "torch", "def set_num_threads(n): print('threads', n)")
    done = python(
        """
        import torch
        from largemodels.page import begin
        begin()
        print("once")
        begin()
        """,
        tmp_path,
    )
    # A second begin() leaves what the reader has set in between.
    assert done.stdout == "threads 1\nonce\n", done.stderr


def test_a_tensorflow_that_fails_is_heard(tmp_path):
    fake(
        tmp_path,
        "tensorflow",
        """
        import os
        os.write(2, b"libcudart.so: the reason\\n")
        raise ImportError("no such library")
        """,
    )
    fake(tmp_path, "torch", "def set_num_threads(n): print('threads', n)")
    done = python(
        "from largemodels.page import begin\nbegin()\nimport tensorflow", tmp_path
    )
    assert done.returncode == 1
    assert "libcudart.so: the reason" in done.stderr
    assert "ImportError: no such library" in done.stderr
    assert done.stdout == "threads 1\n"


def test_noise_at_the_import_is_held_back_and_torch_comes_first(tmp_path):
    fake(
        tmp_path,
        "tensorflow",
        """
        import os, sys
        print("torch" in sys.modules)
        os.write(2, b"2026-01-01 00:00:00 noise\\n")
        """,
    )
    fake(tmp_path, "torch", "raise OSError('a library that does not load')")
    done = python(
        """
        from largemodels.page import begin
        begin()
        begin()
        import tensorflow, importlib.util, sys
        from largemodels.page.quiet import Hook
        print(sum(isinstance(f, Hook) for f in sys.meta_path))
        print(importlib.util.find_spec("tensorflow").name)
        """,
        tmp_path,
    )
    # A torch that cannot be loaded does not stand in the way of TensorFlow.
    assert done.stdout == "False\n1\ntensorflow\n"
    assert done.stderr == ""


def test_torch_and_triton_are_loaded_before_tensorflow(tmp_path):
    for name in ("torch", "triton"):
        fake(tmp_path, name, f"print({name!r})\ndef set_num_threads(number): pass")
    fake(tmp_path, "tensorflow", "print('tensorflow')")
    begin = "from largemodels.page import begin\nbegin()\nimport tensorflow"
    assert python(begin, tmp_path).stdout == "torch\ntriton\ntensorflow\n"


def test_without_the_frameworks_importing_them_says_so(tmp_path):
    done = python("""
        import sys
        from largemodels.page import begin
        begin()
        sys.path = [p for p in sys.path if "site-packages" not in p]
        for name in ("torch", "tensorflow"):
            try:
                __import__(name)
            except ModuleNotFoundError as error:
                print(error)
    """)
    assert done.stdout == ("No module named 'torch'\nNo module named 'tensorflow'\n"), (
        done.stderr
    )


RESTED = """
import gc
was_on = gc.isenabled()
def set_num_threads(n): pass
"""


def test_the_collector_rests_while_the_frameworks_load(tmp_path):
    """Off in the import and on after it, also where the import fails."""
    fake(tmp_path, "torch", RESTED)
    fake(tmp_path, "tensorflow", "raise OSError('broken')")
    done = python(
        """
        import gc, weakref
        from largemodels.page import begin
        begin()

        class Node: pass
        def cycle():
            a = Node()
            a.itself = a
            return weakref.ref(a)

        before, count = cycle(), gc.get_freeze_count()
        import torch
        assert not torch.was_on and gc.isenabled()
        assert before() is None  # garbage is not set aside
        assert gc.get_freeze_count() > count + 1000
        try:
            import tensorflow
        except OSError:
            print("broken, on:", gc.isenabled())
        after = cycle()
        gc.collect()
        assert after() is None
        """,
        tmp_path,
    )
    assert done.stdout == "broken, on: True\n", done.stderr


def test_a_collector_that_is_off_stays_off(tmp_path):
    fake(tmp_path, "torch", RESTED)
    done = python(
        """
        import gc
        from largemodels.page import begin
        begin()
        gc.disable()
        count = gc.get_freeze_count()  # Python 3.12 starts with some
        import torch
        print(gc.isenabled(), gc.get_freeze_count() - count)
        """,
        tmp_path,
    )
    assert done.stdout == "False 0\n", done.stderr


def test_the_wrappers_of_keras_wait_until_they_are_asked_for(tmp_path):
    fake(tmp_path, "keras", "from keras import wrappers")
    (tmp_path / "keras" / "wrappers.py").write_text(
        "print('loaded')\nPUBLIC = 1\n_HIDDEN = 2\n", "utf-8"
    )
    done = python(
        """
        from largemodels.page import begin
        begin()
        import inspect, keras
        print(inspect.getmodule(inspect.currentframe()))  # looks at every module
        print(hasattr(keras.wrappers, "__warningregistry__"))
        print(keras.wrappers.PUBLIC, hasattr(keras.wrappers, "ABSENT"))
        from keras.wrappers import PUBLIC
        """,
        tmp_path,
    )
    assert done.stdout.split("\n")[1:] == ["False", "loaded", "1 False", ""], (
        done.stderr
    )
    done = python(
        """
        from largemodels.page import begin
        begin()
        from keras.wrappers import *
        print(PUBLIC, "_HIDDEN" in globals())
        """,
        tmp_path,
    )
    assert done.stdout == "loaded\n1 False\n", done.stderr


def test_wrappers_that_fail_say_so_whenever_they_are_asked_for(tmp_path):
    fake(tmp_path, "keras", "from keras import wrappers")
    (tmp_path / "keras" / "wrappers.py").write_text("raise OSError('broken')", "utf-8")
    done = python(
        """
        from largemodels.page import begin
        begin()
        import keras
        for _ in range(2):
            try:
                keras.wrappers.SKLearnClassifier
            except OSError as error:
                print(error)
        """,
        tmp_path,
    )
    assert done.stdout == "broken\nbroken\n", done.stderr


def test_keras_does_not_bring_scikit_learn_but_its_wrappers_do():
    done = python("""
        from largemodels.page import begin
        begin()
        import sys, keras
        print({"sklearn", "scipy.stats"} & set(sys.modules))
        print(keras.wrappers.SKLearnClassifier.__name__, "sklearn" in sys.modules)
    """)
    assert done.stdout == "set()\nSKLearnClassifier True\n", done.stderr

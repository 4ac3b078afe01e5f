"""Everything that makes a computation repeat to the last bit: environment, threads, seeds. Imports nothing heavy.

Call `prepare` first in a process: numeric libraries read their threads when they are loaded.
"""

import hashlib
import importlib
import json
import os
import random
import sys

from worker.errors import InputError, WorkerError

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_TENSORFLOW = {"TF_NUM_INTRAOP_THREADS": "{threads}", "TF_NUM_INTEROP_THREADS": "1", "TF_DETERMINISTIC_OPS": "1"}
_DEFAULTS = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_ENABLE_ONEDNN_OPTS": "1",
}
_state: dict[str, int] = {}


def prepare(threads: int) -> None:
    """Set the environment for `threads` threads, before TensorFlow is imported; again with the same number is fine.

    Raises:
        WorkerError: TensorFlow is imported already, or was prepared for another number of threads.
    """
    if _state.get("threads") == threads:
        return
    if "tensorflow" in sys.modules:
        raise WorkerError(
            f"threads {threads!r} came after TensorFlow was imported; its threads are fixed when it is loaded; "
            "start the training in a process of its own"
        )
    unlimited = any(os.environ.get(name) != str(threads) for name in _THREADS[:2])
    os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    os.environ.update({name: text.format(threads=threads) for name, text in _TENSORFLOW.items()})
    for name, text in _DEFAULTS.items():
        os.environ.setdefault(name, text)
    if unlimited and "numpy" in sys.modules:
        _limit_loaded_libraries(threads)
    _state["threads"] = threads


def settle() -> None:
    """Switch op determinism and threads on in TensorFlow, if it is imported; once.

    Raises:
        InputError: the program computed with TensorFlow while it was imported.
    """
    if "tensorflow" not in sys.modules or "settled" in _state:
        return
    tensorflow = importlib.import_module("tensorflow")
    try:
        tensorflow.config.threading.set_intra_op_parallelism_threads(_state.get("threads", 1))
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        tensorflow.config.experimental.enable_op_determinism()
    except RuntimeError as error:
        raise InputError(
            "the program computes with TensorFlow at import, before its threads can be set; "
            "only functions may do so; move that code into build_model or load_data"
        ) from error
    _state["settled"] = 1


def derive_seed(seed: int, *parts: str | int) -> int:
    """A 32-bit seed for a purpose: the head of SHA-256 over `seed` and `parts` as a JSON list.

    Parts are such as a dataset's name and a round; never a worker, role, group or position, or else a renamed or
    reordered federation would train another model.
    """
    text = json.dumps([seed, *parts], ensure_ascii=False, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and, if it is imported, Keras' generators; Keras forgets all that it built."""
    random.seed(seed)
    if "numpy" in sys.modules:
        importlib.import_module("numpy").random.seed(seed)
    if "keras" in sys.modules:
        keras = importlib.import_module("keras")
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)


def _limit_loaded_libraries(threads: int) -> None:
    """Limit the threads of libraries that read their environment too early.

    Raises:
        WorkerError: threadpoolctl (a dependency of scikit-learn) is missing.
    """
    try:
        importlib.import_module("threadpoolctl").threadpool_limits(limits=threads)
    except ImportError as error:
        raise WorkerError(
            f"threads {threads!r} came after numpy was imported; numpy's threads are fixed when it is loaded; "
            f"start the worker with OMP_NUM_THREADS={threads} OPENBLAS_NUM_THREADS={threads}"
        ) from error

"""A region's data: where it comes from, how it is divided, what is kept for validation, its digest."""

from worker.data.arrays import Array, Arrays, Data
from worker.data.dataset import Dataset, load_dataset
from worker.data.split import by_scikit_learn, divide, hold_out

__all__ = ["Array", "Arrays", "Data", "Dataset", "by_scikit_learn", "divide", "hold_out", "load_dataset"]

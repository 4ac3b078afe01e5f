"""Files to plans: read, check by all rules, expand. Every fault of all files is reported at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tag.assemble import from_job, with_job
from tag.expand import collector_paused, expand
from tag.faults import Fault, TagError, split
from tag.files import AT, read_datasets, read_job, read_named_tag, read_programs, read_stack, read_tag
from tag.infer import Complete, complete
from tag.names import hint, listing, slug
from tag.plan import Plan
from tag.reading.paths import is_file, shown
from tag.reading.places import Where
from tag.reading.source import Document
from tag.rules import associations, asynchronous, coordination, data, flow, naming, options, peers, run, sizes
from tag.rules.data import Placed
from tag.rules.tally import tally
from tag.schema import Tag
from tag.settings import RunSettings
from tag.stack import Stack, stack_name

STACKS = Path(__file__).resolve().parent.parent / "stacks"
"""The project's stack files."""


@dataclass(frozen=True)
class LoadedTag:
    """A TAG without faults.

    Attributes:
        path: of its file.
        tag: with its associations and functions completed.
        inferred: the roles whose associations were left out.
        warnings: what is odd but stops nothing, and notes.
    """

    path: Path
    tag: Tag
    inferred: tuple[str, ...]
    warnings: tuple[Fault, ...]


@dataclass(frozen=True)
class Expanded(LoadedTag):
    """A TAG and its datasets, expanded.

    Attributes:
        plan: all workers.
    """

    plan: Plan


@dataclass(frozen=True)
class Loaded(Expanded):
    """A stack that can be run. `path` is the stack file's.

    Attributes:
        name: of the stack.
        stack: the stack file's model, with the hyperparameters of its job.
    """

    name: str
    stack: Stack


def load_tag(path: Path) -> LoadedTag:
    """A TAG file on its own, without datasets.

    Raises:
        TagError: with all faults.
    """
    faults: list[Fault] = []
    document, tag = read_tag(path, faults)
    if tag is None:
        raise TagError(faults)
    whole = complete(tag, {})
    faults += _graph_faults(whole, document)
    if not split(faults)[0]:
        faults += peers.check(whole.tag, peers.foreseen(whole.tag), document)
    return LoadedTag(path, whole.tag, whole.inferred, _warnings(faults))


@collector_paused()
def load_job_plan(path: Path, folder: Path) -> Expanded:
    """A TAG file with a Flame job's folder: its plan, whether or not this version can run it.

    Raises:
        TagError: with all faults.
    """
    faults: list[Fault] = []
    document, tag = read_tag(path, faults)
    job = read_job(folder, faults)
    if tag is None or job is None:
        raise TagError(faults)
    settings = with_job(Stack(tag=path.name), job.model.hyperparameters, options.job_choices(job))
    placed = from_job(job, settings.train_settings, settings.split, settings.validation)
    faults += naming.check_paths((e.group, e.document, e.where) for e in job.entries)
    faults += data.check_names(placed)
    home = (placed[0].document if placed else document, ())
    name = slug(folder.resolve().name)
    whole, plan = plan_of(
        tag, document, placed, home, faults, federation=name, settings=settings.run_settings, programs={}
    )
    return Expanded(path, whole.tag, whole.inferred, _warnings(faults), plan)


@collector_paused()
def load_stack(target: str | Path, *, folder: Path | None = None, to_run: bool = True) -> Loaded:
    """A stack's plan, ready to be run.

    Args:
        target: a stack's name, or the path of a stack file.
        folder: of the stack files; the project's `stacks/` if left out.
        to_run: a topology that this version can't run yet is a fault (T044).

    Raises:
        TagError: with the faults of the stack file, its TAG, its job and its data.
    """
    path = find_stack(target, folder=folder)
    faults: list[Fault] = []
    document, stack = read_stack(path, faults)
    if stack is None:
        read_named_tag(document, faults)
        raise TagError(faults)
    name = stack_name(path) or path.stem
    federation = stack.name or name
    faults += run.check_federation(federation, document, AT)
    tag_document, tag = read_tag(document.resolve(stack.tag), faults, said=(document, (*AT, "tag")))
    stack, placed = read_datasets(stack, tag, document, faults)
    programs = {} if tag is None else read_programs(stack, tag, document, tag_document, faults)
    if tag is None or placed is None:
        raise TagError(faults)
    home: tuple[Document, Where] = (document, (*AT, "datasets"))
    known = complete(tag, _groups(placed))
    unserved = list(options.check_served(stack, known.tag, document, AT))
    faults += unserved or (run.check_topology(known, tag_document) if to_run else ())
    whole, plan = plan_of(
        tag, tag_document, placed, home, faults, federation=federation, settings=stack.run_settings, programs=programs
    )
    faults += run.check_quorum(plan, stack.quorum, document, (*AT, "quorum"))
    faults += asynchronous.check(stack, plan, document, AT)
    faults += options.check_selection(plan, document, AT)
    faults += run.check_exact(stack, len(plan.trainers), document, AT)
    return Loaded(path, whole.tag, whole.inferred, _warnings(faults), plan, name, stack)


def is_stack(target: str | Path) -> bool:
    """Whether a target is a stack (a name, or a file `Pulumi.<stack>.yaml`) rather than the path of a TAG."""
    return not (isinstance(target, Path) or _is_path(target)) or stack_name(Path(target)) is not None


def _is_path(target: str) -> bool:
    return "/" in target or target.endswith((".yaml", ".yml", ".json"))


def find_stack(target: str | Path, *, folder: Path | None = None) -> Path:
    """The file of a stack.

    Raises:
        TagError: no stack has that name (T048); the known ones are listed.
    """
    if isinstance(target, Path) or _is_path(target):
        return Path(target)
    folder = STACKS if folder is None else folder
    path = folder / f"Pulumi.{target}.yaml"
    if not is_file(path):
        known = [name for file in sorted(folder.glob("Pulumi.*.yaml")) if (name := stack_name(file))]
        message = f"no stack has this name{hint(target, known)}; the stacks in {shown(folder)} are {listing(known)}"
        raise TagError([Fault(shown(path), 1, "T048", f"stack {target!r}", message)])
    return path


@collector_paused()
def plan_of(
    tag: Tag,
    document: Document,
    placed: Sequence[Placed],
    home: tuple[Document, Where],
    faults: list[Fault],
    *,
    federation: str,
    settings: RunSettings,
    programs: Mapping[str, str],
) -> tuple[Complete, Plan]:
    """The completed TAG and its plan, if neither the graph nor the datasets stand in the way of expansion."""
    whole = complete(tag, _groups(placed))
    found = [*_graph_faults(whole, document), *data.check(whole, placed, *home)]
    faults += found
    if split(found)[0]:
        raise TagError(faults)
    datasets = [p.dataset for p in placed]
    plan = expand(whole.tag, datasets, federation=federation, run=settings, programs=programs)
    counted = tally(plan)
    faults += peers.check(whole.tag, counted.present, document)
    faults += coordination.check_counts(whole.tag, counted.present, document)
    faults += run.check_ids(counted.odd, placed, home[0])
    faults += sizes.check_objects(counted, *home)
    return whole, plan


def _graph_faults(whole: Complete, document: Document) -> list[Fault]:
    found = [*associations.check(whole, document), *flow.check(whole.tag, document)]
    return found if split(found)[0] else [*found, *coordination.check(whole.tag, document)]


def _groups(placed: Sequence[Placed]) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {}
    for p in placed:
        groups.setdefault(p.dataset.role, set()).add(p.dataset.group)
    return groups


def _warnings(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """The warnings and notes; errors are raised."""
    errors, warnings = split(faults)
    if errors:
        raise TagError(faults)
    return warnings

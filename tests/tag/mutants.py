"""Changes that break one rule of a valid TAG each."""

import struct
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.tag.strategies import LEADS, UPLOADS, Case, cases, parallels, rings, stars, trees


class Mutant(NamedTuple):
    """How a rule is broken.

    Attributes:
        cases: valid ones in which it can be.
        change: breaks it.
        others: rules that may be broken by the same change.
    """

    cases: st.SearchStrategy[Case]
    change: Callable[[Case], object]
    others: Collection[str] = ()


def _edit(name: str, change: Callable[[str], str]) -> Callable[[Case], object]:
    """A change of a written file's text."""

    def after(root: Path) -> None:
        path = root / name
        path.write_text(change(path.read_text()))

    return lambda case: case.after.append(after)


def _set(place: Callable[[Case], dict[str, Any]], **values: Any) -> Callable[[Case], object]:
    return lambda case: place(case).update(values)


def _first_role(case: Case) -> dict[str, Any]:
    found: dict[str, Any] = case.tag["roles"][0]
    return found


def _first_channel(case: Case) -> dict[str, Any]:
    found: dict[str, Any] = case.tag["channels"][0]
    return found


def _first_dataset(case: Case) -> dict[str, Any]:
    return case.datasets[0]


def _settings(case: Case) -> dict[str, Any]:
    return case.settings


def _trainer(case: Case) -> dict[str, Any]:
    return case.role("trainer")


def _add(kind: str, *items: dict[str, Any]) -> Callable[[Case], object]:
    return lambda case: case.tag[kind].extend(items)


def _dataset(**said: Any) -> Callable[[Case], object]:
    """One more dataset, in the first group, where nothing else is said."""
    return lambda case: case.datasets.append(
        {"name": "extra", "role": "trainer", "group": case.groups[0], "uri": "program:extra"} | said
    )


def _lonely(case: Case) -> None:
    """Leave one dataset in the first one's group."""
    first, *others = case.datasets
    case.datasets[:] = [first, *(d for d in others if d["group"] != first["group"])]


def _both(*changes: Callable[[Case], object]) -> Callable[[Case], object]:
    return lambda case: [change(case) for change in changes]


def _functions(case: Case) -> dict[str, Any]:
    """The functions of a star's channel, written out."""
    found: dict[str, Any] = _first_channel(case).setdefault("funcTags", {"trainer": UPLOADS, "top": LEADS})
    return found


def _entries(role: str) -> Callable[[Case], list[dict[str, str]]]:
    return lambda case: case.role(role)["groupAssociation"]


def _ambiguous(case: Case) -> None:
    """The first group has two associations, which differ on a side channel."""
    groups = case.groups
    entries = [{"up": group, "side": "a"} for group in groups]
    case.role("trainer")["groupAssociation"] = [*entries, {"up": groups[0], "side": "b"}]
    case.role("top")["groupAssociation"] = [{"up": "*", "side": "*"}]
    side = {"name": "side", "pair": ["trainer", "top"], "groupBy": {"type": "tag", "value": ["a", "b"]}}
    case.tag["channels"].append(side | {"funcTags": {"trainer": ["fetch"], "top": ["distribute"]}})


def _uninferable(case: Case) -> None:
    case.role("level0").pop("groupAssociation")
    case.channel("up1")["groupBy"] = {"type": "tag", "value": ["north", "south"]}
    case.role("level1").pop("groupAssociation")


def _one_id(case: Case) -> None:
    group = case.groups[0]
    case.groups.append(f"{group}-x")
    case.role("trainer").pop("groupAssociation", None)
    _dataset(name="x-q")(case)
    _dataset(name="q", group=f"{group}-x", uri="program:more")(case)


def _uncoordinated(case: Case) -> None:
    """The trainers hear no coordinator, who has nobody to pair."""
    case.tag["channels"] = [c for c in case.tag["channels"] if c["name"] != "talk-trainer"]


def _unnamed(case: Case) -> None:
    for part in (1, 2):
        _dataset(uri=f"mnist:{part}/2")(case)
        case.datasets[-1].pop("name")


def huge(path: Path) -> None:
    """An .npz file whose header says more samples than any sum can hold; sparse, so that it takes no room."""
    shape = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 1), }"
    with path.open("wb") as file:
        file.truncate(2**29)
        file.seek(0, 2)
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr("x_train.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(shape)) + shape)


def _job(file: str, text: str) -> Callable[[Case], object]:
    return lambda case: case.after.append(lambda root: (root / "job" / file).write_text(text))


BACK = {"name": "back", "pair": ["level0", "level1"], "funcTags": {"level0": LEADS, "level1": UPLOADS}}
SHORT = {"name": "short", "pair": ["trainer", "level1"], "funcTags": {"trainer": UPLOADS, "level1": LEADS}}
NEAR = {"name": "near", "pair": ["neighbour", "level1"], "funcTags": {"neighbour": UPLOADS, "level1": LEADS}}
NEWS = {"name": "news", "pair": ["listener", "top"], "funcTags": {"listener": ["fetch"], "top": ["distribute"]}}
TALK = {"trainer": ["coordinate"], "top": ["coordinateWithTrainer"]}
UNASSOCIATED = ("T024",)
"""A role whose associations are written lacks those for a channel that a mutant adds."""

many = stars(least=2)
deep = trees(least=2, said=True)

MUTANTS: dict[str, Mutant] = {
    "T001": Mutant(stars(), lambda case: case.after.append(lambda root: (root / "tag.json").unlink())),
    "T002": Mutant(cases(), _edit("tag.json", lambda text: text + "]")),
    "T003": Mutant(cases(), _edit("tag.json", lambda text: text.replace('"name":', '"name": "a", "name":', 1))),
    "T004": Mutant(cases(), _set(_first_channel, colour="red")),
    "T005": Mutant(cases(), lambda case: _first_channel(case).pop("pair")),
    "T006": Mutant(cases(), _set(_first_role, description=[1])),
    "T007": Mutant(cases(), _set(_first_role, replica=10**100)),
    "T010": Mutant(stars(), _set(_first_dataset, name="My Data")),
    "T011": Mutant(cases(), lambda case: case.groups.append(case.groups[0])),
    "T012": Mutant(cases(), lambda case: _first_channel(case)["pair"].append("trainer")),
    "T013": Mutant(cases(), _add("channels", {"name": "loose", "pair": ["trainer", "nobody"]})),
    "T014": Mutant(cases(), lambda case: [role.pop("isDataConsumer", None) for role in case.tag["roles"]]),
    "T015": Mutant(cases(), _add("roles", {"name": "judge"})),
    "T016": Mutant(stars(), lambda case: _functions(case).update(judge=["fetch"])),
    "T017": Mutant(stars(), lambda case: _functions(case).update(top=["distribute"])),
    "T018": Mutant(cases(), _set(_trainer, replica=2)),
    "T019": Mutant(cases(), _set(_first_channel, isUnidirectional=True)),
    "T020": Mutant(
        cases(),
        _both(
            _add("roles", {"name": "judge"}, {"name": "jury"}),
            _add("channels", {"name": "court", "pair": ["judge", "jury"]}),
        ),
    ),
    "T021": Mutant(parallels(), lambda case: _entries("top")(case)[0].update(pu="x")),
    "T022": Mutant(deep, lambda case: _entries("level1")(case)[0].update(up0=case.groups[0])),
    "T023": Mutant(parallels(), lambda case: _entries("top")(case)[0].update(up="mars")),
    "T024": Mutant(deep, lambda case: _entries("level0")(case)[0].pop("up1")),
    "T025": Mutant(parallels(), lambda case: _entries("top")(case).append(dict(_entries("top")(case)[0]))),
    "T026": Mutant(deep, _uninferable),
    "T027": Mutant(stars(), _set(_trainer, groupAssociation=[{"up": "*"}]), ("T033",)),
    "T028": Mutant(parallels(least=2), lambda case: _entries("top")(case).pop()),
    "T029": Mutant(stars(), lambda case: case.groups.append("mars")),
    "T030": Mutant(stars(), lambda case: case.datasets.clear()),
    "T031": Mutant(cases().filter(lambda case: case.via == "job"), _dataset(role="nobody")),
    "T032": Mutant(parallels(), _dataset(role="top")),
    "T033": Mutant(cases(), _dataset(group="mars")),
    "T034": Mutant(
        parallels(),
        lambda case: case.after.append(lambda root: next((root / "job").glob("dataset-*")).unlink()),
    ),
    "T035": Mutant(stars(), lambda case: _dataset(name=case.datasets[0]["name"])(case)),
    "T036": Mutant(stars(), _set(_first_dataset, uri="ftp:mine")),
    "T037": Mutant(stars(), lambda case: _dataset(uri=case.datasets[0]["uri"])(case)),
    "T038": Mutant(stars(), _set(_first_dataset, uri="npz:nowhere.npz")),
    "T039": Mutant(stars(via="job"), _ambiguous),
    "T040": Mutant(stars(), lambda case: case.settings.update(quorum=len(case.datasets) + 1)),
    "T041": Mutant(many, _set(_settings, quorum=1)),
    "T042": Mutant(stars(), _set(_settings, program="nowhere.py")),
    "T043": Mutant(stars(), _set(_settings, program=None)),
    "T044": Mutant(rings(least=2), lambda case: setattr(case, "via", "stack")),
    "T045": Mutant(stars(), _one_id),
    "T046": Mutant(stars(), _set(_first_dataset, name="d" * 62)),
    "T047": Mutant(stars(), _unnamed),
    "T049": Mutant(stars(via="both"), _job("modelSpec.json", '{"selector": {"sort": "oort"}}')),
    "T051": Mutant(stars(), _set(_first_dataset, residency="mars")),
    "T052": Mutant(cases(), lambda case: case.groups.extend(["x/y", "x-y"])),
    "T053": Mutant(deep, _add("channels", BACK), UNASSOCIATED),
    "T054": Mutant(deep, _add("channels", SHORT), UNASSOCIATED),
    "T055": Mutant(stars(), _set(_first_channel, funcTags=TALK), ("T057",)),
    "T056": Mutant(
        stars(via="job"),
        _both(
            _add("roles", {"name": "elder", "isDataConsumer": True}),
            _add("channels", {"name": "talk", "pair": ["elder", "trainer"]}),
        ),
        ("T024", "T030"),
    ),
    "T057": Mutant(
        stars(via="job"),
        _both(_add("roles", {"name": "listener", "isDataConsumer": True}), _add("channels", NEWS)),
        ("T024", "T030"),
    ),
    "T058": Mutant(
        deep,
        _both(_add("roles", {"name": "neighbour", "isDataConsumer": True}), _add("channels", NEAR)),
        ("T024", "T030"),
    ),
    "T059": Mutant(stars(), _both(_set(_trainer, groupAssociation=[]))),
    "T061": Mutant(stars(), _set(_first_dataset, region="9region9")),
    "T062": Mutant(stars(), _edit("mine.py", lambda text: text + "#" * 2**20)),
    "T063": Mutant(
        stars(),
        _both(
            _set(_first_dataset, uri="npz:huge.npz"),
            lambda case: case.after.append(lambda root: huge(root / "huge.npz")),
        ),
    ),
    "T066": Mutant(stars(), _set(_first_channel, broker="broker-{group}")),
    "T064": Mutant(many, _set(_settings, quorum=1, deadline=60)),
    "T069": Mutant(trees(coordinated=True), _uncoordinated),
    "T068": Mutant(
        stars(), _set(_settings, optimizer={"sort": "fedbuff", "kwargs": {"aggGoal": 10**6}}), ("T041", "T064")
    ),
    "T065": Mutant(
        rings(), _both(lambda case: setattr(case, "via", "stack"), _set(_settings, optimizer="fedadam")), ("T044",)
    ),
    "T070": Mutant(
        stars(), lambda case: case.settings.update(selector={"sort": "random", "kwargs": {"k": len(case.datasets) + 1}})
    ),
    "T067": Mutant(rings(), _lonely),
}

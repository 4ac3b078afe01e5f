"""TAGs of all kinds, and graphs of them, for the tests of their pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

from report.graph.build import from_plan
from report.graph.model import Graph
from tag.datasets import Dataset
from tag.expand import expand
from tag.schema import Tag
from tag.settings import DatasetSpec, TrainSettings

FETCH, LEAD = ["fetch", "upload"], ["distribute", "aggregate"]
REGIONS = ("asia", "eu", "us")


def tag_of(name: str, roles: Sequence[Mapping[str, Any]], channels: Sequence[Mapping[str, Any]]) -> Tag:
    return Tag.model_validate({"name": name, "roles": list(roles), "channels": list(channels)})


def channel(
    name: str, pair: Sequence[str], groups: Sequence[str] = (), functions: Sequence[Sequence[str]] = ()
) -> dict[str, Any]:
    """A channel; functions are those of the roles of the pair, in their order."""
    found: dict[str, Any] = {"name": name, "pair": list(pair), "groupBy": {"type": "tag", "value": list(groups)}}
    if functions:
        found["funcTags"] = dict(zip(dict.fromkeys(pair), functions, strict=True))
    return found


def trainers(name: str = "trainer", **fields: Any) -> dict[str, Any]:
    return {"name": name, "isDataConsumer": True, **fields}


def grown(tag: Tag, names: Mapping[str, Sequence[str]], role: str = "trainer") -> Graph:
    """The graph of a TAG with datasets by group."""
    train = TrainSettings()
    data = [
        Dataset(role, group, DatasetSpec(name=name, uri="mnist:1/2"), train, group)
        for group, own in names.items()
        for name in own
    ]
    return from_plan(expand(tag, data, federation="world"))


def names(groups: Sequence[str], each: int) -> dict[str, list[str]]:
    return {group: [f"{group}-{k:04d}" for k in range(1, each + 1)] for group in groups}


def many(count: int) -> list[str]:
    return [f"region-{k:0{len(str(count))}d}" for k in range(1, count + 1)]


def star_tag(groups: Sequence[str] = REGIONS, replica: int = 2) -> Tag:
    roles = [trainers(), {"name": "aggregator", "replica": replica, "groupAssociation": [{"param": "*"}]}]
    return tag_of("Star", roles, [channel("param", ["trainer", "aggregator"], groups)])


def star(groups: Sequence[str] = REGIONS, each: int = 1, replica: int = 2) -> Graph:
    return grown(star_tag(groups, replica), names(groups, each))


def tree_tag(groups: Sequence[str]) -> Tag:
    roles = [
        trainers(),
        {"name": "middle-aggregator", "groupAssociation": [{"param": g, "global": "default"} for g in groups]},
        {"name": "top-aggregator", "groupAssociation": [{"global": "default"}]},
    ]
    channels = [
        channel("param", ["trainer", "middle-aggregator"], groups, [FETCH, LEAD]),
        channel("global", ["middle-aggregator", "top-aggregator"], (), [FETCH, LEAD]),
    ]
    return tag_of("Tree", roles, channels)


def tree(groups: Sequence[str], each: int = 3) -> Graph:
    return grown(tree_tag(groups), names(groups, each))


def ring_tag() -> Tag:
    at = [{"ring": "us"}]
    ring = channel("ring", ["trainer", "trainer"], ["us"], [["ring_allreduce"]])
    return tag_of("Ring", [trainers(groupAssociation=at)], [ring])


def ring(size: int) -> Graph:
    return grown(ring_tag(), names(["us"], size))


def hybrid_tag(groups: Sequence[str] = REGIONS) -> Tag:
    at = [{"ring": group, "global": "default"} for group in groups]
    channels = [
        channel("ring", ["trainer", "trainer"], groups, [["ring_allreduce"]]),
        channel("global", ["trainer", "aggregator"], (), [FETCH, LEAD]),
    ]
    roles = [trainers(groupAssociation=at), {"name": "aggregator", "groupAssociation": [{"global": "default"}]}]
    return tag_of("Hybrid", roles, channels)


def hybrid(groups: Sequence[str] = REGIONS, each: int = 3) -> Graph:
    return grown(hybrid_tag(groups), names(groups, each))


def coordinated_tag() -> Tag:
    others = ("top-aggregator", "middle-aggregator", "trainer")
    channels = [
        channel("param", ["trainer", "middle-aggregator"], (), [FETCH, LEAD]),
        channel("global", ["middle-aggregator", "top-aggregator"], (), [FETCH, LEAD]),
        *(
            channel(f"{o}-coord-channel", [o, "coordinator"], (), [["coordinate"], ["coordinateWithIt"]])
            for o in others
        ),
    ]
    roles = [
        trainers(),
        {"name": "middle-aggregator", "replica": 2},
        {"name": "top-aggregator"},
        {"name": "coordinator"},
    ]
    return tag_of("Coordinated", roles, channels)


def coordinated() -> Graph:
    return grown(coordinated_tag(), names(["default"], 3))


def parallel() -> Graph:
    roles = [trainers(), {"name": "aggregator", "groupAssociation": [{"param": group} for group in REGIONS]}]
    return grown(tag_of("Parallel", roles, [channel("param", ["trainer", "aggregator"], REGIONS)]), names(REGIONS, 1))


def four_tiers() -> Graph:
    lands = {"america": ["us", "canada", "brazil"], "asia": ["japan", "korea"], "europe": ["de", "fr", "uk", "it"]}
    countries = [country for own in lands.values() for country in own]
    at = [{"city": country, "land": land} for land, own in lands.items() for country in own]
    roles = [
        trainers(),
        {"name": "country", "groupAssociation": at},
        {"name": "continent", "groupAssociation": [{"land": land, "world": "default"} for land in lands]},
        {"name": "world", "groupAssociation": [{"world": "default"}]},
    ]
    channels = [
        channel("city", ["trainer", "country"], countries, [FETCH, LEAD]),
        channel("land", ["country", "continent"], list(lands), [FETCH, LEAD]),
        channel("world", ["continent", "world"], (), [FETCH, LEAD]),
    ]
    return grown(tag_of("World", roles, channels), names(countries, 2))


def tangled() -> Graph:
    """Two roles in a tier, channels beside each other, and two that pass over tiers."""
    roles = [
        trainers(),
        {
            "name": "aggregator",
            "replica": 3,
            "groupAssociation": [{"p": "*", "q": "*", "e": "default", "g": "default"}],
        },
        {"name": "judge", "groupAssociation": [{"e": "default", "look": "*"}]},
        {"name": "top", "groupAssociation": [{"g": "default", "far": "*", "h": "default"}]},
        {"name": "roof", "groupAssociation": [{"h": "default", "very-far": "*"}]},
    ]
    channels = [
        channel("p", ["trainer", "aggregator"], ["a", "b"], [FETCH, LEAD]),
        channel("q", ["trainer", "aggregator"], ["a", "b"]),
        channel("look", ["trainer", "judge"], ["a", "b"]),
        channel("e", ["judge", "aggregator"]),
        channel("g", ["top", "aggregator"], (), [LEAD, FETCH]),
        channel("far", ["top", "trainer"], ["a", "b"], [LEAD, FETCH]),
        channel("h", ["roof", "top"], (), [LEAD, FETCH]),
        channel("very-far", ["roof", "trainer"], ["a", "b"], [LEAD, FETCH]),
    ]
    return grown(tag_of("Tangled", roles, channels), names(["a", "b"], 2))


GRAPHS = {
    "three workers": star,
    "one worker": lambda: star(["us"], 1, 1),
    "twenty groups": lambda: star(many(20)),
    "names of any length": lambda: star([f"{'a-hospital-of-a-town-' * 2}{k}" for k in range(4)]),
    "ten thousand workers in three groups": lambda: star(REGIONS, 3334),
    "ten thousand workers in a hundred groups": lambda: star(many(100), 100),
    "a thousand groups": lambda: star(many(1000), 2),
    "a tree of three": lambda: tree(REGIONS),
    "a tree of twenty": lambda: tree(many(20)),
    "a tree of two hundred": lambda: tree(many(200)),
    "a ring of one": lambda: ring(1),
    "a ring of two": lambda: ring(2),
    "a ring of three": lambda: ring(3),
    "a ring of five": lambda: ring(5),
    "a ring of a hundred": lambda: ring(100),
    "rings in regions": hybrid,
    "rings in nine regions": lambda: hybrid(many(9), 4),
    "rings in fifty regions": lambda: hybrid(many(50), 4),
    "a coordinator": coordinated,
    "parallel experiments": parallel,
    "four tiers": four_tiers,
    "tangled": tangled,
}

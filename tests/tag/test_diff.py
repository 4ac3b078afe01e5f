"""What changes between two plans or TAGs, in the words that a preview uses."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tag.datasets import Dataset
from tag.diff import Difference, diff_plans, diff_tags, lines
from tag.expand import expand
from tag.load import load_stack
from tag.plan import Plan
from tag.schema import Channel, GroupBy, Role, Tag
from tag.settings import DatasetSpec, RunSettings, TrainSettings
from tag.summary import tag_summary

GROUPS = ("asia", "eu", "us")


def a_tag(groups: tuple[str, ...] = GROUPS, replica: int = 2) -> Tag:
    return Tag(
        name="regions",
        roles=(
            Role(name="trainer", is_data_consumer=True),
            Role(name="aggregator", replica=replica, group_association=({"param-channel": "*"},)),
        ),
        channels=(Channel(name="param-channel", pair=("trainer", "aggregator"), group_by=GroupBy(value=groups)),),
    )


def a_plan(
    datasets: dict[str, str], *, replica: int = 2, rounds: int = 5, epochs: int = 1, groups: tuple[str, ...] = GROUPS
) -> Plan:
    """A star whose datasets are given with their groups."""
    placed = [
        Dataset("trainer", group, DatasetSpec(name=name, uri="mnist:1/3"), TrainSettings(epochs=epochs), group)
        for name, group in datasets.items()
    ]
    return expand(a_tag(groups, replica), placed, federation="demo", run=RunSettings(rounds=rounds))


plans = st.builds(
    a_plan,
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(GROUPS), max_size=8),
    replica=st.integers(1, 3),
    rounds=st.integers(1, 3),
    epochs=st.integers(1, 2),
)


def counts(plan: Plan) -> Counter[tuple[str, str]]:
    """How many workers of a role are in a group of a channel: from the workers themselves."""
    return Counter((f"group {p.group} on {p.channel}", w.spec.role) for w in plan.workers for p in w.spec.memberships)


def applied(before: Counter[tuple[str, str]], difference: Difference) -> Counter[tuple[str, str]]:
    """The counts that follow from what a difference says."""
    after = Counter(before)
    for change in difference.changes:
        if change.kind == "group":
            for role in {*change.before, *change.after}:
                assert before[change.subject, role] == (change.before.get(role) or 0), "what was is told as it was"
                after[change.subject, role] = change.after.get(role) or 0
    return +after


@given(plans)
@settings(deadline=None)
def test_a_plan_does_not_differ_from_itself(plan: Plan) -> None:
    difference = diff_plans(plan, plan)

    assert not difference.differs
    assert difference.changes == ()
    assert difference.going_on == len(plan.workers)


@given(plans, plans)
@settings(deadline=None)
def test_what_a_difference_says_leads_from_the_old_counts_to_the_new(old: Plan, new: Plan) -> None:
    assert applied(counts(old), diff_plans(old, new)) == counts(new)


@given(plans, plans)
@settings(deadline=None)
def test_every_worker_starts_ends_starts_anew_or_goes_on(old: Plan, new: Plan) -> None:
    difference = diff_plans(old, new)
    before = {w.spec.worker: w for w in old.workers}
    after = {w.spec.worker: w for w in new.workers}

    assert set(difference.starting) == after.keys() - before.keys()
    assert set(difference.ending) == before.keys() - after.keys()
    assert set(difference.restarting) == {n for n in before.keys() & after.keys() if before[n] != after[n]}
    assert difference.going_on == sum(before[n] == after[n] for n in before.keys() & after.keys())


@given(plans, plans)
@settings(deadline=None)
def test_it_tells_of_each_line_that_a_preview_would_add_or_remove(old: Plan, new: Plan) -> None:
    """The stack's output and `fedtag diff` say one thing in one way."""
    before, after = tag_summary(old), tag_summary(new)
    told = {(change.sign, change.subject): change.text for change in diff_plans(old, new).changes}

    for sign, lines_, others in (("+", after, before), ("-", before, after)):
        for subject in lines_.keys() - others.keys():
            assert lines_[subject].startswith(told[sign, subject]), "the words are the preview's"


@given(plans, plans)
@settings(deadline=None)
def test_the_way_back_is_the_mirror_image(old: Plan, new: Plan) -> None:
    mirror = {"+": "-", "-": "+", "~": "~", "=": "="}
    forth, back = diff_plans(old, new), diff_plans(new, old)

    assert [(mirror[c.sign], c.subject, dict(c.after), dict(c.before)) for c in back.changes] == [
        (c.sign, c.subject, dict(c.before), dict(c.after)) for c in forth.changes
    ]


def test_a_new_region_is_told_as_in_the_issue() -> None:
    old = a_plan({"a": "eu", "b": "us"})
    new = a_plan({"a": "eu", "b": "us", "c": "asia"})

    assert lines(diff_plans(old, new)) == [
        "= role aggregator: unchanged (2 workers)",
        "~ role trainer: workers 2 → 3",
        "+ group asia on param-channel: 1 trainer",
        "+ dataset c of group asia: mnist:1/3",
    ]


def test_a_setting_names_whom_it_restarts_and_no_other() -> None:
    old, new = a_plan({"a": "eu", "b": "us"}), a_plan({"a": "eu", "b": "us"}, rounds=6)

    assert lines(diff_plans(old, new)) == [
        "= role trainer: unchanged (2 workers)",
        "~ run: rounds 5 → 6; aggregator-all-0, aggregator-all-1 start anew",
    ]


def test_datasets_that_change_alike_share_a_line() -> None:
    datasets = {f"d{n}": "eu" for n in range(100)}
    told = lines(diff_plans(a_plan(datasets), a_plan(datasets, epochs=2)))

    assert told == [
        "= role aggregator: unchanged (2 workers)",
        (
            "~ 100 datasets (d0, d1, d10, d11, d12 and 95 more): epochs 1 → 2; "
            "trainer-eu-d0, trainer-eu-d1, trainer-eu-d10, trainer-eu-d11, trainer-eu-d12 and 95 more start anew"
        ),
    ]


def test_a_channel_that_gets_brokers_of_its_own_is_told_with_their_names() -> None:
    plain = load_stack("hierarchical").plan
    renamed = [place.model_copy(update={"broker": ""}) for worker in plain.workers for place in worker.spec.memberships]
    old = iter(renamed)
    workers = tuple(
        w.model_copy(
            update={"spec": w.spec.model_copy(update={"memberships": tuple(next(old) for _ in w.spec.memberships)})}
        )
        for w in plain.workers
    )
    difference = diff_plans(plain.model_copy(update={"workers": workers}), plain)

    told = [line for line in lines(difference) if line.startswith("~ channel")]
    assert len(told) == 1
    assert told[0].startswith("~ channel param-channel: broker none → broker-asia, broker-eu, broker-us; ")
    assert "top-aggregator-default-0" not in difference.restarting
    assert tag_summary(plain)["channel param-channel"].endswith(" through broker-asia, broker-eu, broker-us")


def test_many_groups_that_are_alike_share_a_line() -> None:
    many = tuple(f"g{n}" for n in range(30))
    told = lines(diff_plans(a_plan({"a": "g0"}, groups=many), a_plan({f"a{g}": g for g in many}, groups=many)))

    assert "+ 29 groups on param-channel (g1, g10, g11, g12, g13 and 24 more): 1 trainer" in told
    assert "+ dataset ag1 of group g1: mnist:1/3" in told


def test_another_federation_is_another_world() -> None:
    old = a_plan({"a": "eu"})
    workers = tuple(w.model_copy(update={"spec": w.spec.model_copy(update={"federation": "x"})}) for w in old.workers)
    told = lines(diff_plans(old, old.model_copy(update={"federation": "x", "workers": workers})))

    assert told == ["~ federation: name demo → x; everything is made anew under that name"]


def test_a_standby_that_is_added_restarts_nobody() -> None:
    difference = diff_plans(a_plan({"a": "eu"}, replica=1), a_plan({"a": "eu"}, replica=2))

    assert "~ role aggregator: workers 1 → 2, replica 1 → 2" in lines(difference)
    assert difference.starting == ("aggregator-all-1",)
    assert difference.restarting == ()


def test_a_worker_that_changes_its_place_without_changing_a_count_is_a_difference() -> None:
    old = load_stack("eu-us-asia").plan
    moved = [w.model_copy(update={"claim": "volume"}) if w.spec.dataset else w for w in old.workers]
    new = old.model_copy(update={"workers": tuple(moved)})

    difference = diff_plans(old, new)

    assert len(difference.restarting) == 3
    assert any("claim none → volume" in line for line in lines(difference))


def test_two_tags_are_compared_without_datasets() -> None:
    old, new = a_tag(("eu", "us"), replica=1), a_tag(GROUPS)

    assert not diff_tags(old, old).differs
    assert lines(diff_tags(old, new)) == [
        "~ role aggregator: replica 1 → 2",
        "+ group asia on param-channel: aggregator – trainer",
    ]

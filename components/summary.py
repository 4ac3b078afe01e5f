"""A plan in a few stable lines, so that a preview shows a change in the words of the TAG."""

from collections import defaultdict

from components.names import home_group
from tag.plan import EVERY_GROUP, Plan

SHOWN = 5
"""Workers named in a line; of more, only the first of them and the number are."""


def _listed(names: list[str]) -> str:
    if len(names) <= SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:SHOWN])} and {len(names) - SHOWN} more"


def workers_by_group(plan: Plan) -> dict[str, list[str]]:
    """The workers' ids by their group on the model's channel; those of all groups are under `*`."""
    groups: dict[str, list[str]] = defaultdict(list)
    for worker in plan.workers:
        groups[home_group(worker.spec, plan.model_channel)].append(worker.spec.worker)
    return dict(sorted(groups.items()))


def tag_summary(plan: Plan) -> dict[str, str]:
    """Roles, channels, groups and the run, each as a line under its own name."""
    roles: dict[str, list[str]] = defaultdict(list)
    channels: dict[str, set[str]] = defaultdict(set)
    pairs: dict[str, set[str]] = defaultdict(set)
    for worker in plan.workers:
        roles[worker.spec.role].append(worker.spec.worker)
        for place in worker.spec.memberships:
            channels[place.channel].update({place.group} - {EVERY_GROUP})
            pairs[place.channel].update((worker.spec.role, place.peer))
    lines = {"tag": f"{plan.tag}: {len(plan.workers)} workers"}
    lines |= {f"role {role}": f"{len(names)}: {_listed(names)}" for role, names in sorted(roles.items())}
    lines |= {
        f"channel {name}": f"{' – '.join(sorted(pairs[name]))} in {_listed(sorted(groups)) or 'one group'}"
        for name, groups in sorted(channels.items())
    }
    lines |= {
        f"group {'*' if group == EVERY_GROUP else group}": _listed(names)
        for group, names in workers_by_group(plan).items()
    }
    runs = sorted({f"run {w.spec.run.run}, {w.spec.run.rounds} rounds" for w in plan.workers if w.spec.run is not None})
    return lines | ({"run": "; ".join(runs)} if runs else {})

"""The rules as Pulumi's policies."""

from collections.abc import Callable, Iterator

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

import rules
from objects import Object

Rule = Callable[[str, Object], Iterator[str]]


def _policy(name: str, rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for breach in rule(args.resource_type, args.props):
            report(breach)

    return ResourceValidationPolicy(
        name=name,
        description=(rule.__doc__ or name).strip(),
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
    )


def _residency(args: ResourceValidationArgs, report: ReportViolation) -> None:
    label = args.get_config().get("regionLabel") or rules.REGION_LABEL
    for breach in rules.residency(args.resource_type, args.props, label):
        report(breach)


POLICIES = [
    _policy("limits", rules.limits),
    _policy("no-root", rules.no_root),
    _policy("closed-broker", rules.closed_broker),
    _policy("pinned-images", rules.pinned_images),
    ResourceValidationPolicy(
        name="residency",
        description=(rules.residency.__doc__ or "").strip(),
        validate=_residency,
        enforcement_level=EnforcementLevel.MANDATORY,
        config_schema=PolicyConfigSchema(
            properties={
                "regionLabel": {
                    "type": "string",
                    "default": rules.REGION_LABEL,
                    "description": "the label of machines whose value is their region",
                }
            }
        ),
    ),
]
"""All policies of the pack; each stops an update."""

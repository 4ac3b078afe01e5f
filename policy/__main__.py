"""The policy pack: `pulumi up --policy-pack policy`."""

from pulumi_policy import EnforcementLevel, PolicyPack

from pack import POLICIES

PolicyPack("fedtag", POLICIES, enforcement_level=EnforcementLevel.MANDATORY)

"""Pulumi components: the plan as Kubernetes objects. Never imports the worker."""

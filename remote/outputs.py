"""What `pulumi up` left of a stack: its outputs, the secret ones in clear."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tag.load import Loaded
from worker.errors import InputError, WorkerError

PULUMI_S = 120.0
_REMEDIES = {
    "no stack named": "Pulumi has no stack {stack!r} in this backend; see 'pulumi stack ls', or deploy it with "
    "'pulumi up --stack {stack}'",
    "passphrase must be set": "the outputs of stack {stack!r} are encrypted with a passphrase, which is missing; set "
    "PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
    "incorrect passphrase": "the passphrase is not that of stack {stack!r}; set PULUMI_CONFIG_PASSPHRASE to the one of "
    "its 'pulumi up'",
    "must be set for login": "Pulumi is not logged in; run 'pulumi login --local', or log in to the backend that holds "
    "stack {stack!r}",
    "no Pulumi.yaml": "the stack file is in no Pulumi project; name a stack of this project, or a file in its stacks/",
    "unable to open state directory": "Pulumi's backend can't be opened; set PULUMI_BACKEND_URL to the one that holds "
    "stack {stack!r}",
}
"""What Pulumi says, and what to do about it."""


class Operator(BaseModel):
    """The read-only identity: PEM texts.

    Attributes:
        ca: the authorities whose broker is believed.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    ca: str
    certificate: str
    key: Annotated[str, Field(repr=False)]

    def write(self, folder: Path) -> Path:
        """Write the files that a worker's link wants, readable by this user only; gives the folder."""
        for name, text in (("ca.crt", self.ca), ("tls.crt", self.certificate), ("tls.key", self.key)):
            with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(text)
        return folder


class Place(BaseModel):
    """Where a broker is deployed.

    Attributes:
        context: of the kubeconfig; None means the current one.
        service: the broker's, in the namespace.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    context: str | None = None
    namespace: str
    service: str


class Deployed(BaseModel):
    """A deployed stack's outputs.

    Attributes:
        federation: name.
        context: of the kubeconfig; None means the current one.
        namespace: of the federation's own cluster.
        service: of the federation's broker, there; empty where every channel names another.
        brokers: those that channels name, by name.
        workers: ids by group.
        operator: identity; None where the broker is open.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    federation: str
    context: str | None = None
    namespace: str
    service: str
    brokers: dict[str, Place] = {}
    workers: dict[str, tuple[str, ...]] = {}
    operator: Operator | None = None

    @field_validator("operator", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return value or None

    @property
    def places(self) -> dict[str, Place]:
        """All brokers by name; the federation's has none."""
        own = {"": Place(context=self.context, namespace=self.namespace, service=self.service)} if self.service else {}
        return own | self.brokers

    @classmethod
    def parse(cls, text: str, stack: str) -> Self:
        """The outputs in what `pulumi stack output --json --show-secrets` prints.

        Raises:
            InputError: the stack is not deployed, or by another program.
        """
        if text.strip() in ("", "{}"):
            raise InputError(
                f"stack {stack!r} is not deployed: it has no outputs; deploy it with 'pulumi up --stack {stack}'"
            )
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the whole"
            raise InputError(
                f"the outputs of stack {stack!r} are not those of fedtag ({where}: {first['msg'].lower()}); bring it "
                f"up to date with 'pulumi up --stack {stack}'"
            ) from error

    def differs(self, loaded: Loaded) -> str:
        """A sentence if the stack file calls for other workers than are deployed; else empty."""
        planned = {worker.spec.worker for worker in loaded.plan.workers}
        deployed = {worker for workers in self.workers.values() for worker in workers}
        if planned == deployed or not deployed:
            return ""
        return (
            f"{loaded.path} has changed since the last 'pulumi up --stack {loaded.name}': it has "
            f"{len(planned)} workers, {len(deployed)} are deployed"
        )


def read_outputs(loaded: Loaded) -> Deployed:
    """Ask Pulumi for a stack's outputs.

    Raises:
        InputError: Pulumi is not installed or knows no such deployed stack, or the passphrase is missing.
        WorkerError: Pulumi does not answer.
    """
    program = shutil.which("pulumi")
    if program is None:
        raise InputError("pulumi is not on PATH; a deployed stack is known by its outputs; install Pulumi's CLI")
    arguments = ["stack", "output", "--json", "--show-secrets", "--stack", loaded.name]
    command = [program, "--non-interactive", "--cwd", str(loaded.path.resolve().parent), *arguments]
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "1"}
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PULUMI_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise WorkerError(
            f"pulumi does not tell the outputs of stack {loaded.name!r} within {PULUMI_S:g} s; see whether its backend "
            "is reachable with 'pulumi whoami'"
        ) from error
    if done.returncode != 0:
        raise complaint(done.stderr, loaded.name)
    return Deployed.parse(done.stdout, loaded.name)


def complaint(said: str, stack: str) -> InputError:
    """What Pulumi complained of, with its remedy."""
    for sign, remedy in _REMEDIES.items():
        if sign in said:
            return InputError(remedy.format(stack=stack))
    lines = [line.removeprefix("error: ").strip() for line in said.splitlines() if line.strip()]
    why = lines[-1] if lines else "it gave no reason"
    return InputError(
        f"pulumi can't tell the outputs of stack {stack!r} ({why}); try 'pulumi stack output --stack {stack}'"
    )

"""The access type `acme_env`."""

from collections.abc import Iterator
from contextlib import contextmanager

from dtsrun.api import AccessContext, AccessType, Endpoint, Route
from dtsrun.errors import AccessError

HOSTS = {
    "production": "{service}.db.acme.example",
    "staging": "{service}.stg.db.acme.example",
    "laptop": "127.0.0.1",
}


class AcmeEnv(AccessType):
    """A server of Acme's, by service and stage

    What it does
    ------------
    Makes the host's name out of the service and the stage, by Acme's rule, and connects to it over TLS.

    Why it matters
    --------------
    Nobody at Acme knows host names by heart, and nobody should: a copied one leads to the wrong stage.

    Spec
    ----
    `service`: the service's name. `stage`: production, staging or laptop. `port`: 5432 if left out.

    Needs
    -----
    Acme's network, and Acme's authority among those that this machine trusts.

    Example
    -------
        access: {type: acme_env, service: shop, stage: staging}

    Limits
    ------
    A laptop has no certificate, so there is no TLS.
    """

    name = "access.acme_env"
    options = {
        "properties": {
            "service": {"description": "The service's name.", "type": "string", "pattern": "^[a-z][a-z0-9-]*$"},
            "stage": {"description": "Where it runs.", "enum": list(HOSTS)},
            "port": {"description": "TCP port.", "type": "integer", "minimum": 1, "maximum": 65535, "default": 5432},
        },
        "required": ["service", "stage"],
    }

    @contextmanager
    def open(self, endpoint: Endpoint, context: AccessContext) -> Iterator[Route]:
        """Give the route; there is nothing to hold open."""
        service, stage = endpoint.access["service"], endpoint.access["stage"]
        if endpoint.account is None:
            raise AccessError(f"{endpoint.side}: acme_env needs an account", hint="Acme's servers know no default one")
        parameters = {
            "host": HOSTS[stage].format(service=service),
            "port": str(endpoint.access.get("port", 5432)),
            "user": endpoint.account,
            "sslmode": "disable" if stage == "laptop" else "verify-full",
        }
        if endpoint.password is not None:
            parameters["password"] = context.resolve(endpoint.password)
        yield Route(
            parameters=parameters,
            description=f"{service} ({stage}) as {endpoint.account}",
            maintenance_database=endpoint.maintenance_database,
            peer=parameters,
        )

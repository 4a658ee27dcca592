"""Inventory provider `tencentcloud`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from dtsrun.api import AccessContext, Instance, InventoryProvider, SecretReference, WantedInstance
from dtsrun.errors import AccessError, PluginError

ENDPOINT: Final = "https://{service}.tencentcloudapi.com"
REQUEST_SECONDS: Final = 20
PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds to wait before each further try when the API is asked too often: its limits count requests a second, for all
of an account's programs together."""

ROLE_SECONDS: Final = 900

_VERSIONS: Final = {"cvm": "2017-03-12", "postgres": "2017-03-12", "sts": "2018-08-13"}
_VARIABLES: Final = {
    "secret_id": "TENCENTCLOUD_SECRET_ID",
    "secret_key": "TENCENTCLOUD_SECRET_KEY",
    "token": "TENCENTCLOUD_TOKEN",
}

# Kinds of refusal by the beginning of the API's error code.
_NOT_ALLOWED: Final = ("UnauthorizedOperation", "AuthFailure.UnauthorizedOperation", "OperationDenied.CAM")
_NOT_KNOWN: Final = ("InvalidInstanceId", "ResourceNotFound", "InvalidParameterValue.InstanceId")
_NO_REGION: Final = ("UnsupportedRegion", "InvalidParameterValue.Region", "InvalidRegion")
_TOO_MANY: Final = "RequestLimitExceeded"
_NO_LOGIN: Final = "AuthFailure"
_NO_ANSWER: Final = ("ClientNetworkError", "ServerNetworkError")


class TencentCloud(InventoryProvider):
    """The instances of TencentCloud, asked of its API

    What it does
    ------------
    Asks the API for one instance, with a signed request: `DescribeInstances` for machines, `DescribeDBInstances` for
    managed PostgreSQL. It takes the private addresses, and for a database the port. Where the region does not know the
    instance, the other regions are asked, so that the message can say where it is. For an instance of another account
    it first takes on the role (`AssumeRole`). An API that is asked too often is asked again, for up to 16 seconds.

    Why it matters
    --------------
    Nobody keeps a list: the address is the one that the instance has at that moment.

    Spec
    ----
    `secret_id`, `secret_key` and `token` (of temporary credentials) are references like those of passwords
    (`{env: ...}`, `{file: ...}`, `{command: [...]}`), never text; left out, the environment variables
    TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY and TENCENTCLOUD_TOKEN. `endpoint`: another address of the API, in
    which `{service}` stands for `cvm`, `postgres` and `sts`. The `role` of the access type `database` is written as
    `qcs::cam::uin/<account>:roleName/<role>`.

    Needs
    -----
    `pip install 'dtsrun[tencentcloud]'`. The credentials may call `cvm:DescribeInstances` or
    `postgres:DescribeDBInstances`, better also `DescribeRegions`; for another account, `sts:AssumeRole`.

    Example
    -------
        source:
          type: postgresql
          region: ap-guangzhou
          access:
            type: self_build_cvm
            instance: ins-7g2k9d4s
            port: 5432
            inventory: {type: tencentcloud, secret_id: {env: CLOUD_ID}, secret_key: {file: /run/secrets/cloud_key}}

    Limits
    ------
    Private addresses only. Other clouds are unknown to it: use `file`, or a plugin.
    """

    name = "inventory.tencentcloud"
    options = {
        "properties": {
            "secret_id": {"description": "Reference to the id of the key.", "$ref": "#/$defs/secret_reference"},
            "secret_key": {"description": "Reference to the key.", "$ref": "#/$defs/secret_reference"},
            "token": {
                "description": "Reference to the token of temporary credentials.",
                "$ref": "#/$defs/secret_reference",
            },
            "endpoint": {
                "description": "Address of the API.",
                "type": "string",
                "pattern": r"^(https://[^/]+|http://(127\.0\.0\.1|localhost)(:[0-9]+)?)/?$",
                "patternErrorMessage": "an address that begins with https://, without a path",
                "default": ENDPOINT,
            },
        },
        "dependentRequired": {"secret_id": ["secret_key"], "secret_key": ["secret_id"]},
    }

    def find(self, wanted: WantedInstance, options: Mapping[str, Any], context: AccessContext) -> Instance:
        """Return the instance that the API describes."""
        cloud = _Cloud(str(options.get("endpoint", ENDPOINT)), _keys(options, context))
        if wanted.role is not None:
            cloud = cloud.acting_as(wanted.role, wanted.region)
        look = _LOOKS[wanted.kind]
        found = look(cloud, wanted.id, wanted.region)
        if found is None:
            raise _unknown(wanted, _region_of(cloud, wanted, look))
        if not found.addresses:
            raise AccessError(f"{wanted} has no private address", hint="it may still be starting, or be shut down")
        return found


@dataclass(frozen=True, slots=True)
class _Cloud:
    """The API with credentials for it."""

    endpoint: str
    keys: tuple[str, str, str | None]

    def __repr__(self) -> str:
        return f"_Cloud({self.endpoint!r})"

    def ask(self, service: str, action: str, region: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what an action answers; where it is asked too often, wait and ask again.

        Raises:
            _Refusal: the API does not answer, or says why not.
        """
        for pause in PAUSES:
            try:
                return self._ask_once(service, action, region, parameters)
            except _Refusal as refusal:
                if not refusal.code.startswith(_TOO_MANY):
                    raise
            time.sleep(pause)
        return self._ask_once(service, action, region, parameters)

    def _ask_once(self, service: str, action: str, region: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

        try:
            response: Mapping[str, Any] = self._client(service, region).call_json(action, dict(parameters))["Response"]
        except TencentCloudSDKException as error:
            # The cause may hold the request, and with it the id of the key.
            raise _refusal(str(error.code), self._without_keys(str(error.message)), f"{service}:{action}") from None
        except (ValueError, KeyError, TypeError):
            raise _refusal("ClientNetworkError", "what answers is not the API", f"{service}:{action}") from None
        return response

    def acting_as(self, role: str, region: str) -> _Cloud:
        """Return the API with the credentials of another account's role."""
        session = {"RoleArn": role, "RoleSessionName": "dtsrun", "DurationSeconds": ROLE_SECONDS}
        try:
            lent = self.ask("sts", "AssumeRole", region, session)["Credentials"]
        except _Refusal as refusal:
            hint = "a role is written qcs::cam::uin/<account>:roleName/<role>, and must trust our account"
            raise AccessError(f"the role {role} cannot be taken on: {refusal.message}", hint=hint) from None
        return _Cloud(self.endpoint, (lent["TmpSecretId"], lent["TmpSecretKey"], lent["Token"]))

    def _client(self, service: str, region: str) -> Any:
        from tencentcloud.common.common_client import CommonClient
        from tencentcloud.common.credential import Credential
        from tencentcloud.common.profile.client_profile import ClientProfile
        from tencentcloud.common.profile.http_profile import HttpProfile

        address = urlsplit(self.endpoint.replace("{service}", service))
        http = HttpProfile(protocol=address.scheme, endpoint=address.netloc, reqTimeout=REQUEST_SECONDS)
        profile = ClientProfile(httpProfile=http, language="en-US")
        return CommonClient(service, _VERSIONS[service], Credential(*self.keys), region, profile)

    def _without_keys(self, text: str) -> str:
        for key in filter(None, self.keys):
            text = text.replace(key, "***")
        return text


class _Refusal(AccessError):
    """The API's own word on why it does not answer; the code tells what kind of reason it is."""

    code: str = ""


def _refusal(code: str, message: str, action: str) -> _Refusal:
    said = " ".join(message.split()).rstrip(".")
    if code.startswith(_NOT_ALLOWED):
        found = _Refusal(f"the credentials may not call {action}: {said}", hint=f"let them call {action}")
    elif code.startswith(_NO_LOGIN):
        found = _Refusal(
            f"the cloud does not accept the credentials: {said} ({code})", hint="check secret_id, secret_key and token"
        )
    elif code.startswith(_TOO_MANY):
        found = _Refusal(
            f"the cloud's API is asked for {action} too often: {said} ({code})",
            hint="other programs of the account use up its limit; run the task again when they are done",
        )
    elif code in _NO_ANSWER:
        found = _Refusal(
            f"the cloud's API does not answer: {said}", hint="check the network, and access.inventory.endpoint"
        )
    else:
        found = _Refusal(f"the cloud's API refuses {action}: {said} ({code})")
    found.code = code
    return found


def _keys(options: Mapping[str, Any], context: AccessContext) -> tuple[str, str, str | None]:
    """Return id, key and token. Raises AccessError where they are missing, PluginError where the SDK is."""
    try:
        import tencentcloud.common  # noqa: F401 - only asked whether it is there
    except ImportError as error:
        raise PluginError(
            "inventory.tencentcloud needs the package tencentcloud-sdk-python-common",
            hint="pip install 'dtsrun[tencentcloud]'",
        ) from error
    if "secret_id" not in options:
        secret_id, secret_key, token = (os.environ.get(name) for name in _VARIABLES.values())
        if not secret_id or not secret_key:
            names = " and ".join(list(_VARIABLES.values())[:2])
            hint = f"name them in access.inventory, e.g. secret_id: {{env: NAME}}, or set {names}"
            raise AccessError("inventory.tencentcloud has no credentials", hint=hint)
        return secret_id, secret_key, token or None
    resolved = {name: context.resolve(_reference(options[name])) for name in _VARIABLES if name in options}
    return resolved["secret_id"], resolved["secret_key"], resolved.get("token")


def _reference(said: Mapping[str, Any]) -> SecretReference:
    [(kind, value)] = said.items()
    return SecretReference(kind=kind, value=value)


def _machine(cloud: _Cloud, name: str, region: str) -> Instance | None:
    asked = _described(cloud, "cvm", "DescribeInstances", region, {"InstanceIds": [name]}, "InstanceSet")
    for told in asked:
        if told["InstanceId"] == name:
            network = (told.get("VirtualPrivateCloud") or {}).get("VpcId")
            addresses = tuple(told.get("PrivateIpAddresses") or ())
            return Instance(id=name, region=region, addresses=addresses, network=network or None)
    return None


def _database(cloud: _Cloud, name: str, region: str) -> Instance | None:
    only = {"Filters": [{"Name": "db-instance-id", "Values": [name]}]}
    for told in _described(cloud, "postgres", "DescribeDBInstances", region, only, "DBInstanceSet"):
        if told["DBInstanceId"] == name:
            ways = list(_private_ways(told))
            return Instance(
                id=name,
                region=region,
                addresses=tuple(way.get("Ip") or way["Address"] for way in ways),
                port=int(ways[0]["Port"]) if ways else None,
                network=told.get("VpcId") or None,
            )
    return None


def _private_ways(told: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield how a database is reached in its own network: `private` in a VPC, `inner` in the classic network."""
    for way in told.get("DBInstanceNetInfo") or ():
        if way.get("NetType") in {"private", "inner"} and way.get("Status") in {"opened", None}:
            yield way


_LOOKS: Final[Mapping[str, Callable[[_Cloud, str, str], Instance | None]]] = {
    "machine": _machine,
    "database": _database,
}
_SERVICES: Final = {"machine": "cvm", "database": "postgres"}


def _described(
    cloud: _Cloud, service: str, action: str, region: str, parameters: Mapping[str, Any], key: str
) -> Sequence[Mapping[str, Any]]:
    """Return the instances that an action describes; none where the API says that there is no such instance."""
    try:
        return cloud.ask(service, action, region, parameters).get(key) or ()
    except _Refusal as refusal:
        if refusal.code.startswith((*_NOT_KNOWN, *_NO_REGION)):
            return ()
        raise


def _region_of(
    cloud: _Cloud, wanted: WantedInstance, look: Callable[[_Cloud, str, str], Instance | None]
) -> str | None:
    """Return the other region that knows an instance; None where none does, or where we may not ask."""
    try:
        listed = cloud.ask(_SERVICES[wanted.kind], "DescribeRegions", wanted.region, {}).get("RegionSet") or ()
        others = [each["Region"] for each in listed if each["Region"] != wanted.region]
        return next((region for region in others if look(cloud, wanted.id, region) is not None), None)
    except _Refusal:
        # Only the message would have been better: that the instance is not known is what matters.
        return None


def _unknown(wanted: WantedInstance, region: str | None) -> AccessError:
    if region is not None:
        message = f"{wanted} is in {region}, and the spec says region {wanted.region}"
        return AccessError(message, hint="mend the region of the endpoint")
    message = f"the cloud does not know {wanted} in region {wanted.region}"
    hint = "check the id and the region; an instance of another account needs account_mode: other"
    return AccessError(message, hint=hint)

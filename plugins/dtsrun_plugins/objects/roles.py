"""The object kind `roles`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from psycopg import sql

from dtsrun.api import (
    Difference,
    Lane,
    Membership,
    ObjectKind,
    PlanContext,
    Role,
    ServerFacts,
    Setting,
    Step,
    StepContext,
    StepResult,
)
from dtsrun.attempts import Attempts
from dtsrun.inventory.facts import read_memberships, read_roles, read_settings
from dtsrun.postgres.parameters import set_clause

PLAIN: Final = {"inherit": "inherit", "can_login": "login"}
"""What whoever may create a role may give it."""

STRONG: Final = {
    "superuser": "superuser",
    "create_role": "createrole",
    "create_db": "createdb",
    "replication": "replication",
    "bypass_rls": "bypassrls",
}
"""What only somebody who has it, or a superuser, may give."""

COMPARED: Final = (*PLAIN, *STRONG, "connection_limit", "valid_until", "comment")


class Roles(ObjectKind):
    """Roles: attributes, passwords, memberships, settings

    What it does
    ------------
    Creates the selected roles with their attributes, password hashes where the source account may read them, comments,
    memberships (with ADMIN, INHERIT and SET options and their grantors) and the settings of ALTER ROLE ... SET,
    ALTER ROLE ALL SET included. A role that the target has already is left alone, and the report says where it differs.

    Why it matters
    --------------
    Objects belong to roles and grants name them, so they come first. Passwords are carried as the hashes that they are:
    users go on logging in as before.

    Spec
    ----
    `migration.objects.roles` lists patterns of names; with `entire_instance` every role is meant. Under
    `on_conflict: drop` a role that exists is altered to be as on the source; no role is ever dropped. The account that
    we use and the target's first superuser are never altered.

    Needs
    -----
    CREATEROLE on the target. Password hashes can be read by a superuser of the source only (`pg_authid`). An account
    that is not a superuser of the target joins the roles that it makes, to be able to hand objects over to them.

    Example
    -------
    ::

        migration:
          objects:
            databases: {shop: {}}
            roles: [app, "report_*"]

    Limits
    ------
    Sources before version 16 do not say reliably who granted a membership: there the target's account did. Attributes
    that the target's account may not give are listed in the report.
    """

    name = "object.roles"

    def steps(self, stage: str, context: PlanContext) -> Iterable[Step]:
        """Return the step that creates the roles, or the one that compares them."""
        inventory = context.inventory
        if stage == "structure" and (inventory.roles or _without_database(inventory.settings)):
            yield self._creating(context)
        elif stage == "verify" and inventory.roles:
            yield self._comparing(context)

    def do_create(self, context: StepContext) -> StepResult:
        """Create roles, then what joins them, then their settings."""
        attempts = Attempts(context.target())
        making = _Making(context, attempts)
        args = context.step.args
        for role in read_roles(context.source()):
            if role.name in args["roles"]:
                context.progress()
                making.role(role)
        making.memberships([Membership(**item) for item in args["memberships"]])
        making.settings([Setting(**item) for item in args["settings"]])
        return attempts.result()

    def do_compare(self, context: StepContext) -> StepResult:
        """Compare attributes, passwords, memberships and settings of the roles."""
        ends = [_Described(context, "source"), _Described(context, "target")]
        differences = [d for name in context.step.args["roles"] for d in _differences(name, *ends)]
        return StepResult(differences=tuple(differences))

    def _creating(self, context: PlanContext) -> Step:
        inventory = context.inventory
        names = [role.name for role in inventory.roles]
        # The hashes are read when the step runs: a plan is printed and journaled.
        return Step(
            key="server/structure/roles",
            stage="structure",
            plugin=self.name,
            action="create",
            args={
                "roles": names,
                "memberships": [asdict(m) for m in inventory.memberships],
                "settings": [asdict(s) for s in _without_database(inventory.settings)],
            },
            provides=("server/roles",),
            title=f"create {len(names)} {'role' if len(names) == 1 else 'roles'}",
        )

    def _comparing(self, context: PlanContext) -> Step:
        left_alone = {context.inventory.server.bootstrap_role, context.target.bootstrap_role}
        left_alone.add(context.target.current_user)
        return Step(
            key="server/verify/roles",
            stage="verify",
            plugin=self.name,
            action="compare",
            args={"roles": [role.name for role in context.inventory.roles if role.name not in left_alone]},
            lane=Lane.VERIFY,
            marked=False,
            depends_softly=True,
            title="compare roles",
        )


class _Making:
    """Makes roles on the target, and knows which of them were there before."""

    def __init__(self, context: StepContext, attempts: Attempts) -> None:
        self._context = context
        self._attempts = attempts
        self._source: ServerFacts = context.facts("source")
        self._target: ServerFacts = context.facts("target")
        self._there = {role.name: role for role in read_roles(attempts.connection)}
        self._alters = context.spec.on_conflict == "drop"
        if not self._target.is_superuser and self._target.major >= 16:
            attempts.connection.execute("set local createrole_self_grant = 'set, inherit'")

    def role(self, role: Role) -> None:
        """Create a role, or leave alone the one that is there."""
        there = self._there.get(role.name)
        if there is None:
            self._context.created("role", role.name)
            self._write("create", role)
            return
        if self._alters and role.name not in (self._target.bootstrap_role, self._target.current_user):
            self._write("alter", role)
            return
        unlike = [aspect for aspect in COMPARED if getattr(role, aspect) != getattr(there, aspect)]
        if unlike:
            aspects = ", ".join(aspect.replace("_", " ") for aspect in unlike)
            self._attempts.deviate(f"ROLE {role.name}", f"was on the target already and differs in {aspects}")

    def memberships(self, memberships: Sequence[Membership]) -> None:
        """Grant what the new roles take part in."""
        new = [m for m in memberships if not {m.role, m.member} <= set(self._there)]
        for membership in _by_grantor([self._with_grantor(m) for m in new], self._target.bootstrap_role):
            name = f"membership of {membership.member} in {membership.role}"
            self._attempts.run(name, _grant(membership, self._target.major, self._names_grantor()))

    def settings(self, settings: Sequence[Setting]) -> None:
        """Set what ALTER ROLE SET left; of a role that was there before, nothing."""
        for setting in settings:
            if setting.role in self._there and not self._alters:
                continue
            who = sql.Identifier(setting.role) if setting.role else sql.SQL("all")
            statement = sql.SQL("alter role {} {}").format(who, set_clause(setting.name, setting.value))
            self._attempts.run(f"setting {setting.name} of role {setting.role or 'all'}", statement, tolerant=True)

    def _write(self, verb: str, role: Role) -> None:
        name, label = sql.Identifier(role.name), f"ROLE {role.name}"
        statement = sql.SQL("{} role {} {}").format(sql.SQL(verb), name, _options(role, PLAIN, verb))
        if not self._attempts.run(label, statement, *self._joining(role, verb)):
            return
        for field, word in STRONG.items():
            if getattr(role, field) or (verb == "alter" and getattr(self._there[role.name], field)):
                strong = sql.SQL("alter role {} {}").format(name, _word(word, getattr(role, field)))
                self._attempts.run(label, strong, tolerant=True)
        if role.comment is not None:
            comment = sql.SQL("comment on role {} is {}").format(name, role.comment)
            self._attempts.run(f"comment on {label}", comment, tolerant=True)
        if role.can_login and not role.password_readable:
            self._attempts.deviate(label, "its password could not be read on the source: set it anew")

    def _joining(self, role: Role, verb: str) -> list[sql.Composed]:
        """Return what lets an account that is no superuser hand objects over to the role; 16 has a setting for it."""
        if self._target.is_superuser or self._target.major >= 16 or verb == "alter":
            return []
        return [sql.SQL("grant {} to current_user").format(sql.Identifier(role.name))]

    def _with_grantor(self, membership: Membership) -> Membership:
        """What the source's first superuser granted, the target's did."""
        is_first = membership.grantor == self._source.bootstrap_role
        return replace(membership, grantor=self._target.bootstrap_role) if is_first else membership

    def _names_grantor(self) -> bool:
        return self._source.major >= 16 and self._target.major >= 16 and self._target.is_superuser


@dataclass(slots=True, init=False)
class _Described:
    """Roles of one end as they are compared."""

    roles: Mapping[str, Role]
    memberships: Mapping[str, list[str]]
    settings: Mapping[str, list[str]]

    def __init__(self, context: StepContext, side: str) -> None:
        connection = context.source() if side == "source" else context.target()
        facts = context.facts("source" if side == "source" else "target")
        are_reliable = context.facts("source").major >= 16
        self.roles = {role.name: role for role in read_roles(connection)}
        self.memberships, self.settings = {}, {}
        for membership in read_memberships(connection):
            text = _membership_text(membership, facts, with_grantor=are_reliable)
            self.memberships.setdefault(membership.member, []).append(text)
        for setting in _without_database(read_settings(connection)):
            self.settings.setdefault(setting.role or "", []).append(f"{setting.name} = {setting.value}")

    def aspects(self, name: str) -> dict[str, str]:
        """Return what is compared of a role, by aspect; the password only as whether it is there."""
        role = self.roles.get(name)
        if role is None:
            return {}
        aspects = {field.replace("_", " "): str(getattr(role, field)) for field in COMPARED}
        aspects["member of"] = "; ".join(sorted(self.memberships.get(name, [])))
        aspects["settings"] = "; ".join(sorted(self.settings.get(name, [])))
        return aspects


def _differences(name: str, source: _Described, target: _Described) -> Iterator[Difference]:
    ours, theirs = source.aspects(name), target.aspects(name)
    if not theirs:
        yield _difference(name, "missing", "there", "not there")
        return
    for aspect, value in ours.items():
        if value != theirs[aspect]:
            yield _difference(name, aspect, value, theirs[aspect])
    pair = source.roles[name], target.roles[name]
    if all(role.password_readable for role in pair) and pair[0].password_hash != pair[1].password_hash:
        yield _difference(name, "password", *(_whether(role.password_hash) for role in pair))


def _difference(name: str, aspect: str, source: str, target: str) -> Difference:
    return Difference(database=None, object=f"ROLE {name}", aspect=aspect, source=source, target=target)


def _whether(password_hash: str | None) -> str:
    """Say of a password no more than whether there is one."""
    return "a password" if password_hash else "no password"


def _without_database(settings: Iterable[Setting]) -> list[Setting]:
    return [setting for setting in settings if setting.database is None]


def _options(role: Role, words: Mapping[str, str], verb: str) -> sql.Composed:
    options: list[sql.SQL | sql.Composed] = [_word(word, getattr(role, field)) for field, word in words.items()]
    options.append(sql.SQL("connection limit {}").format(role.connection_limit))
    if role.valid_until is not None or verb == "alter":
        options.append(sql.SQL("valid until {}").format(role.valid_until or "infinity"))
    if role.password_hash is not None:
        options.append(sql.SQL("password {}").format(role.password_hash))
    return sql.SQL(" ").join(options)


def _word(word: str, is_set: bool) -> sql.SQL:
    return sql.SQL(word) if is_set else sql.SQL(f"no{word}")


def _by_grantor(memberships: Sequence[Membership], first: str) -> Iterator[Membership]:
    """Yield memberships so that a grantor has its own ADMIN option before it grants."""
    open_ones, admins = list(memberships), set[tuple[str, str]]()
    while open_ones:
        ready = [m for m in open_ones if m.grantor == first or (m.role, m.grantor) in admins]
        # A grantor whose own right was taken away since: tried as it is, and reported if the server refuses.
        for membership in ready or list(open_ones):
            open_ones.remove(membership)
            if membership.admin:
                admins.add((membership.role, membership.member))
            yield membership


def _grant(membership: Membership, major: int, names_grantor: bool) -> sql.Composed:
    grant = sql.SQL("grant {} to {}").format(sql.Identifier(membership.role), sql.Identifier(membership.member))
    by = sql.SQL(" granted by {}").format(sql.Identifier(membership.grantor)) if names_grantor else sql.SQL("")
    return grant + _membership_options(membership, major) + by


def _membership_options(membership: Membership, major: int) -> sql.SQL | sql.Composed:
    if major < 16 or membership.inherit is None:
        return sql.SQL(" with admin option" if membership.admin else "")
    return sql.SQL(" with admin {}, inherit {}, set {}").format(membership.admin, membership.inherit, membership.set)


def _membership_text(membership: Membership, facts: ServerFacts, *, with_grantor: bool) -> str:
    options = [word for word in ("admin", "inherit", "set") if getattr(membership, word)]
    if not with_grantor:
        return f"{membership.role}{' with admin' if membership.admin else ''}"
    grantor = "the first superuser" if membership.grantor == facts.bootstrap_role else membership.grantor
    return f"{membership.role} with {', '.join(options) or 'nothing'} by {grantor}"

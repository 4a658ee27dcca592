"""The target lets in roles whose passwords are MD5 hashes."""

from dataclasses import replace

from dtsrun.api import Selection
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.password_method import PasswordMethod


class TestPasswordMethod(PrecheckContract):
    plugin = PasswordMethod


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(PasswordMethod().check(context))


def chosen(*roles):
    return make_spec({}, selection=Selection(entire_instance=False, roles=roles))


def with_setting(route, name, value):
    with FakeCheckContext(target=route) as context:
        facts = context.facts("target")
    return {"target": replace(facts, settings={**facts.settings, name: value})}


MD5 = "md5" + 32 * "0"


def test_a_scram_hash_passes(source_route, target_route, fresh_role):
    assert found(source_route, target_route, spec=chosen(fresh_role(source_route, "login password 'x'"))) == []


def test_an_md5_hash_is_an_alarm(source_route, target_route, fresh_role):
    role = fresh_role(source_route, f"login password '{MD5}'")
    (finding,) = found(source_route, target_route, spec=chosen(role))
    assert finding.subject == f"role {role}"
    assert f'\\password "{role}"' in finding.fix.text


def test_a_target_that_uses_md5_itself_takes_it(source_route, target_route, fresh_role):
    facts = with_setting(target_route, "password_encryption", "md5")
    role = fresh_role(source_route, f"login password '{MD5}'")
    assert found(source_route, target_route, spec=chosen(role), facts=facts) == []

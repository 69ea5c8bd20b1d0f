"""How much everyone may keep, as quota.yaml says it."""

from __future__ import annotations

from datetime import time

from appliance.policy.account import Role
from appliance.settings.check import check
from appliance.settings.load import load

GB = 10**9


def test_the_defaults(tmp_path):
    quota = load(tmp_path).quota
    assert quota.roles == {role: GB if role is Role.PUPIL else 5 * GB for role in Role}
    assert quota.count_at == time(2, 30)


def test_what_is_written(tmp_path):
    (tmp_path / "quota.yaml").write_text("roles: {pupil: 500 MB, admin: 0 B}\ncount_at: 04:00\n")
    loaded = load(tmp_path)
    assert loaded.quota.roles[Role.PUPIL] == 500_000_000
    assert loaded.quota.roles[Role.ADMIN] == 0
    assert loaded.quota.roles[Role.TEACHER] == 5 * GB
    assert str(loaded.sources["quota.roles.pupil"]) == "quota.yaml:1 roles.pupil"


def test_a_size_needs_its_unit(tmp_path):
    (tmp_path / "quota.yaml").write_text("roles: {pupil: 500}\n")
    (only,) = map(str, check(tmp_path))
    assert only.startswith("quota.yaml:1: roles.pupil: found '500'")

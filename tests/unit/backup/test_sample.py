"""What a drill chooses."""

import random

from hypothesis import given
from hypothesis import strategies as st

from appliance.backup import sample

PATHS = st.lists(st.binary(min_size=1, max_size=4).filter(lambda name: b"/" not in name and name != b"."), min_size=1)
SIZES = st.lists(
    st.tuples(st.binary(min_size=1, max_size=9), st.integers(0, 100)), max_size=60, unique_by=lambda x: x[0]
)
SEEDS = st.integers(0, 2**32)


@given(SIZES, st.integers(0, 300), SEEDS)
def test_files_are_chosen_within_the_budget_and_each_once(sizes, budget, seed):
    chosen = sample.files(iter(sizes), budget, random.Random(seed))
    assert len(chosen) == len(set(chosen)) <= sample.FILES
    assert sum(dict(sizes)[path] for path in chosen) <= budget
    if sum(size for _, size in sizes) <= budget:
        assert len(chosen) == min(len(sizes), sample.FILES)


def test_each_file_is_as_likely_as_any_other():
    sizes = [(b"%d" % number, 1) for number in range(40)]
    chance = random.Random(1)
    seen = dict.fromkeys((path for path, _ in sizes), 0)
    for _ in range(2000):
        for path in sample.files(iter(sizes), 1000, chance):
            seen[path] += 1
    assert min(seen.values()) > 400  # 500 of each are to be expected
    assert max(seen.values()) < 600


def test_two_drills_do_not_choose_the_same():
    names = [f"pupil{number}" for number in range(300)]
    chance = random.SystemRandom()
    assert sample.in_random_order(names, chance) != sample.in_random_order(names, chance)


@given(st.lists(st.tuples(st.text(max_size=5), st.sampled_from(["pupil", "teacher"])), unique_by=lambda x: x[0]), SEEDS)
def test_everybody_may_be_chosen_and_stays_in_his_role(people, seed):
    roles = sample.by_role(people, random.Random(seed))
    assert set(roles) == {role for _, role in people}
    for role, logins in roles.items():
        there = {login for login, of in people if of == role}
        assert set(logins) <= there
        assert len(logins) == len(set(logins)) == min(len(there), 4 * sample.PEOPLE)


@given(st.lists(PATHS.map(b"/".join)))
def test_the_folders_above_each_file_come_with_it(paths):
    found = sample.with_folders(paths)
    assert found == sorted(set(found))
    assert b"." in found
    assert set(paths) <= set(found)
    for path in found:
        above = path.rpartition(b"/")[0]
        assert not above or above in found

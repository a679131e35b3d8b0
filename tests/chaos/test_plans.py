"""Plans come from their seed alone, and leave nothing out."""

from collections import Counter

from tests.chaos.plans import KILLS, Cut, Expiry, Fault, Target, plan


def test_the_same_seed_gives_the_same_plan() -> None:
    assert plan(7, 200) == plan(7, 200)
    assert plan(7, 200) != plan(8, 200)


def test_every_plan_kills_each_kind_at_least_as_often_as_is_said() -> None:
    for seed in range(50):
        kills = Counter(kill.target for kill in plan(seed, 200).kills)
        assert all(kills[Target(name)] >= times for name, times in KILLS.items())
        assert sum(kills.values()) > sum(KILLS.values())


def test_every_act_comes_while_there_are_jobs() -> None:
    for seed in range(50):
        made = plan(seed, 200)
        assert all(0 < act.settled < 200 for act in made.acts)


def test_some_seeds_have_faults_of_discords_too() -> None:
    def kinds(seed: int) -> set[type]:
        return {type(act) for act in plan(seed, 200).faults}

    assert [kinds(seed) for seed in (1, 2, 3, 6)] == [
        {Fault, Cut},
        set(),
        {Fault, Cut, Expiry},
        {Expiry},
    ]


def test_a_plan_can_be_read() -> None:
    made = plan(1, 200)
    assert len(made.lines()) == len(made.kills) + len(made.faults)
    assert any("kill redis" in line for line in made.lines())

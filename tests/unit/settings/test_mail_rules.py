"""Who may write what to whom, as mail.yaml says it."""

from __future__ import annotations

from pathlib import Path

from appliance.policy.access import Who
from appliance.policy.account import GroupKind, Role
from appliance.policy.mailing import MailRules
from appliance.settings.check import check
from appliance.settings.load import load
from appliance.settings.mail_rules import compile_mail


def rules(folder: Path, text: str = "") -> MailRules:
    (folder / "mail.yaml").write_text(text)
    mail = load(folder).mail
    return compile_mail(mail.rules, mail.outside)


def test_the_defaults_are_those_of_the_policy(tmp_path) -> None:
    assert rules(tmp_path) == MailRules()


def test_what_is_written(tmp_path) -> None:
    given = rules(
        tmp_path,
        "rules:\n"
        "  any_group: {teacher: [class]}\n"
        "  own_group: {pupil: [class, club], teacher: []}\n"
        "  speak_for_groups: [pupil]\n"
        "  recipients_per_message: {pupil: 5}\n"
        "  recipients_per_hour: {pupil: 6}\n"
        "  bytes_per_hour: {pupil: 7 MB}\n"
        "  addresses: {sekretariat: {roles: [office], groups: [leitung], users: [olga]}}\n",
    )
    pupil, teacher = given.roles[Role.PUPIL], given.roles[Role.TEACHER]
    assert pupil.own_groups == {GroupKind.CLASS, GroupKind.CLUB}
    assert (pupil.speaks, pupil.per_message, pupil.per_hour, pupil.bytes_per_hour) == (True, 5, 6, 7_000_000)
    assert (teacher.any_groups, teacher.own_groups, teacher.speaks) == ({GroupKind.CLASS}, frozenset(), False)
    named = Who(roles=frozenset({Role.OFFICE}), groups=frozenset({"leitung"}), logins=frozenset({"olga"}))
    assert given.addresses == {"sekretariat": named}
    assert given.roles[Role.OFFICE] == rules(tmp_path).roles[Role.OFFICE].__class__(speaks=False)


def test_what_cannot_be_meant_is_refused_with_its_line(tmp_path) -> None:
    (tmp_path / "mail.yaml").write_text(
        "rules:\n  recipients_per_hour:\n    pupil: 39\n  addresses:\n    sekretariat: {}\n"
        "  any_group: {pupil: [chess]}\n"
    )
    problems = [str(problem) for problem in check(tmp_path)]
    assert problems[0].startswith("mail.yaml:6: rules.any_group.pupil[0]: found 'chess'")
    (tmp_path / "mail.yaml").write_text(
        "rules:\n  recipients_per_hour:\n    pupil: 39\n  addresses:\n    sekretariat: {}\n"
    )
    problems = [str(problem) for problem in check(tmp_path)]
    assert problems[0].startswith("mail.yaml:3: rules.recipients_per_hour.pupil: found 39")
    assert problems[1].startswith("mail.yaml:5: rules.addresses.sekretariat: found nobody")


def test_a_message_that_no_hour_has_room_for_is_found_when_only_the_message_is_set(tmp_path) -> None:
    (tmp_path / "mail.yaml").write_text("rules:\n  recipients_per_message: {pupil: 101}\n")
    (only,) = map(str, check(tmp_path))
    assert "at least 101" in only

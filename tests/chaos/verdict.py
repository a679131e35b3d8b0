"""Judges a run by what members see, by Discord's journal, and by Redis. Pure.

What became of an interaction, in the order in which it is decided:

- *Unanswered*: Discord never took a first answer to it; its member was shown "the application did
  not respond". Nothing may be left of it: no message, no picture, no job.
- *Refused*: its member was told that it was not accepted, privately or in the placeholder's stead,
  or the bot took the placeholder away and died before it could say why. It must stay that way:
  nothing was posted for it, and there is no job.
- *Accepted*: everything else. Discord took the bot's first answer ("thinking"), and nobody took
  the promise back: so a submission whose bot died right after the acknowledgement is accepted,
  whether or not Redis ever heard of it. It ends in exactly one message, which shows its picture or
  says why there is none; its record says the same and names that message.

A message that a job shows beside its last one is one too many, and so is a picture of which
something else took the place. That the same picture was put into the same message twice is
allowed: nobody sees it.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from jobs.models import JobState, OutcomeCode
from tests.chaos.crowd import Asked
from tests.chaos.evidence import Evidence, Shown
from tests.chaos.speech import LAST, Kind


@dataclass(frozen=True)
class Problem:
    """Something that must not be; `about` is the interaction, where it is about one."""

    what: str
    about: str | None = None


@dataclass
class Verdict:
    """What a run came to."""

    asked: int = 0
    unanswered: int = 0
    refused: int = 0
    accepted: int = 0
    pictures: int = 0
    # Accepted jobs without a picture, by the catalogue's key of the reason.
    reasons: Counter[str] = field(default_factory=Counter)
    # Accepted jobs without a last message, and with more than one message.
    lost: int = 0
    duplicates: int = 0
    # Pictures that were put into their message once more.
    repeated: int = 0
    problems: list[Problem] = field(default_factory=list)


def judge(evidence: Evidence) -> Verdict:
    """Look at each interaction, and at what belongs to none."""
    verdict = Verdict(asked=len(evidence.asked))
    messages: dict[str | None, list[Shown]] = defaultdict(list)
    for message in evidence.messages:
        messages[message.about].append(message)
    for asked in evidence.asked:
        found = messages.pop(asked.interaction, [])
        _judge_one(verdict, evidence, asked, found)
    for message in (one for left in messages.values() for one in left):
        verdict.problems.append(Problem(f"a message of nobody's: {message}", message.about))
    for job_id in evidence.active:
        verdict.problems.append(Problem("the job has not ended", job_id))
    return verdict


def _judge_one(
    verdict: Verdict, evidence: Evidence, asked: Asked, messages: Sequence[Shown]
) -> None:
    name = asked.interaction
    if name not in evidence.acknowledged:
        verdict.unanswered += 1
        problems = _of_unanswered(evidence, name, messages)
    elif _is_refused(evidence, name, messages):
        verdict.refused += 1
        problems = _of_refused(evidence, name, messages)
    else:
        verdict.accepted += 1
        problems = _of_accepted(verdict, evidence, asked, messages)
    verdict.problems += [Problem(what, name) for what in problems]


def _is_refused(evidence: Evidence, name: str, messages: Sequence[Shown]) -> bool:
    is_told = any(message.said.kind is Kind.REFUSAL for message in messages)
    return is_told or (not messages and name in evidence.taken_back)


def _of_unanswered(evidence: Evidence, name: str, messages: Sequence[Shown]) -> list[str]:
    found = [f"not answered, yet there is a message: {message}" for message in messages]
    if name in evidence.jobs:
        found.append("not answered, yet there is a job")
    if evidence.posted.get(name):
        found.append("not answered, yet a picture was posted")
    return found


def _of_refused(evidence: Evidence, name: str, messages: Sequence[Shown]) -> list[str]:
    found = []
    if len(messages) > 1:
        found.append(f"refused, with {len(messages)} messages: {messages}")
    if name in evidence.jobs:
        found.append("refused, yet there is a job")
    if evidence.posted.get(name):
        found.append("refused, yet a picture was posted")
    return found


def _of_accepted(
    verdict: Verdict, evidence: Evidence, asked: Asked, messages: Sequence[Shown]
) -> list[str]:
    last = [message for message in messages if message.said.kind in LAST]
    if not last:
        verdict.lost += 1
        return [f"accepted and lost: {_what_is_there(evidence, asked, messages)}"]
    if len(messages) > 1:
        verdict.duplicates += 1
        return [f"accepted, with {len(messages)} messages: {messages}"]
    [message] = last
    posted = evidence.posted.get(asked.interaction, 0)
    verdict.repeated += max(0, posted - 1)
    if message.said.kind is Kind.PICTURE:
        verdict.pictures += 1
        return [*_of_picture(asked, message), *_of_record(evidence, asked, message)]
    verdict.reasons[message.said.key] += 1
    found = ["a reason took the place of a picture"] if posted else []
    return [*found, *_of_record(evidence, asked, message)]


def _what_is_there(evidence: Evidence, asked: Asked, messages: Sequence[Shown]) -> str:
    name = asked.interaction
    job = evidence.jobs.get(name)
    record = f"the record says {job.state}" if job else "there is no record"
    shown = ", ".join(f"{m.said.kind} {m.said.key}".strip() for m in messages) or "nothing"
    at = evidence.acknowledged[name]
    deaths = [f"{death - at:+.2f} s" for death in evidence.bot_deaths if abs(death - at) < 10]
    bots = f"; a bot died {', '.join(deaths)} from its acknowledgement" if deaths else ""
    return f"the member sees {shown}, {record}{bots}"


def _of_picture(asked: Asked, message: Shown) -> list[str]:
    if message.draws == ((asked.prompt, asked.seed),):
        return []
    return [f"shows {message.draws} instead of what was asked for, {asked.prompt} {asked.seed}"]


def _of_record(evidence: Evidence, asked: Asked, message: Shown) -> list[str]:
    """Hold a job's record against its last message."""
    job = evidence.jobs.get(asked.interaction)
    if job is None:
        return ["its message is there, its record is not"]
    if job.state is not JobState.ENDED or job.outcome is None:
        return [f"its message is there, and its record says {job.state}"]
    is_picture = message.said.kind is Kind.PICTURE
    code = job.outcome.code
    found = []
    if is_picture != (code is OutcomeCode.DONE) or (
        not is_picture and message.said.key != f"outcome.{code.value}"
    ):
        found.append(f"its message shows {message.said}, and its record says {code}")
    if job.outcome.message_id != message.id:
        found.append(f"its record names message {job.outcome.message_id}, not {message.id}")
    return found

"""Writes down a run: its figures, and of one that failed what is needed to understand it."""

import datetime
import json
from collections.abc import Iterator

from jobs.models import Job
from tests.chaos.driver import Run

MOST_PROBLEMS = 12
MOST_LINES = 60


def summary(run: Run) -> str:
    """Write the figures of a run on one line."""
    verdict = run.verdict
    kills = ", ".join(f"{target} {count}" for target, count in sorted(run.kills.items()))
    reasons = ", ".join(f"{key} {count}" for key, count in sorted(verdict.reasons.items()))
    return (
        f"seed {run.plan.seed}: {verdict.asked} asked, {verdict.unanswered} unanswered, "
        f"{verdict.refused} refused, {verdict.accepted} accepted: {verdict.pictures} pictures, "
        f"reasons: {reasons or 'none'}, lost {verdict.lost}, duplicates {verdict.duplicates}, "
        f"posted again {verdict.repeated}, drawn again {run.retries}; killed: {kills}; "
        f"{len(run.plan.faults)} faults; {run.seconds:.0f} s"
    )


def explain(run: Run) -> str:
    """Write what went wrong: the plan, the kills, each problem with its job and its log."""
    return "\n".join(_lines(run))


def _lines(run: Run) -> Iterator[str]:
    problems = run.verdict.problems
    yield summary(run)
    yield f"\nThe plan of seed {run.plan.seed}:"
    yield from (f"  {line}" for line in run.plan.lines())
    yield "\nWhat was killed:"
    yield from (f"  {_clock(one.at)} {one.target} {one.pid}" for one in run.killed)
    yield f"\n{len(problems)} problems:"
    yield from (f"  {problem.about or '-'}: {problem.what}" for problem in problems)
    about = list(dict.fromkeys(problem.about for problem in problems if problem.about))
    for name in about[:MOST_PROBLEMS]:
        yield from _job_lines(run, name)
    if not about:
        yield "\nThe last lines that were logged:"
        yield from _log_lines(run.lines[-MOST_LINES:])


def _job_lines(run: Run, name: str) -> Iterator[str]:
    yield f"\nJob {name}:"
    asked = next((one for one in run.evidence.asked if one.interaction == name), None)
    if asked:
        yield f"  asked at {_clock(asked.at)} by {asked.member}: {asked.prompt}, seed {asked.seed}"
    if name in run.evidence.acknowledged:
        yield f"  acknowledged at {_clock(run.evidence.acknowledged[name])}"
    yield f"  record: {_record(run.evidence.jobs.get(name))}"
    for message in run.evidence.messages:
        if message.about == name:
            yield f"  message: {message}"
    yield from _log_lines([line for line in run.lines if name in line[2]][-MOST_LINES:])


def _record(job: Job | None) -> str:
    if job is None:
        return "none"
    # The address holds the interaction's token.
    return job.model_dump_json(exclude={"address", "request"})


def _log_lines(lines: list[tuple[float, str, str]]) -> Iterator[str]:
    for at, part, line in lines:
        yield f"  {_clock(at)} {part}: {_short(line)}"


def _short(line: str) -> str:
    """Leave out of a line of JSON what every line has."""
    try:
        fields = json.loads(line)
    except ValueError:
        return line
    if not isinstance(fields, dict):
        return line
    event, process = fields.pop("event", ""), fields.pop("process", "")
    rest = {k: v for k, v in fields.items() if k not in ("timestamp", "level", "guild_id")}
    return f"[{process}] {event} {rest}"


def _clock(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%H:%M:%S.%f")[:-3]

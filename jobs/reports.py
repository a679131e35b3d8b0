"""How a job's owner gets to hear what became of it: parts of the transactions that fail a job.

While Discord is out of reach, the owner is told later and later: after half a minute, one, two,
four ... at most an hour, and for about half a day in all. Keys: `newbie:{queue}:job:{id}`,
`newbie:{queue}:in_hand`, listed in `jobs.keys`.
"""

import time

from redis.client import Pipeline

from jobs.keys import Keys
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.records import Fields
from jobs.tickets import Tickets

FIRST_REPORT_PAUSE = 30.0
LONGEST_REPORT_PAUSE = 3600.0
MOST_REPORTS = 18


class Reports:
    """Writes failures and orders the messages that tell about them."""

    def __init__(self, keys: Keys, tickets: Tickets) -> None:
        self._keys = keys
        self._tickets = tickets

    def fail(self, pipe: Pipeline, job_id: str, code: OutcomeCode) -> None:
        """Record that the job failed and that its owner must be told."""
        fields: Fields = {
            "state": JobState.FAILING.value,
            "outcome": Outcome(code=code).model_dump_json(),
        }
        pipe.hset(self._keys.job(job_id), mapping=fields)
        pipe.zadd(self._keys.in_hand, {job_id: time.time()})

    def order(self, pipe: Pipeline, job: Job) -> None:
        """Have a worker post what the job has to say, and count the try."""
        self.postpone(pipe, job)
        self._tickets.add_report(pipe, job.id, job.attempt)

    def postpone(self, pipe: Pipeline, job: Job) -> None:
        """Count a try to tell the owner, and set when the next one may be."""
        pause = min(LONGEST_REPORT_PAUSE, FIRST_REPORT_PAUSE * 2**job.reports)
        fields: Fields = {
            "reports": str(job.reports + 1),
            "report_after": repr(time.time() + pause),
        }
        pipe.hset(self._keys.job(job.id), mapping=fields)

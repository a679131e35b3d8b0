"""How a job in hand is handed back when its worker is to stop now and not when the job is done.

The first SIGTERM lets a slot finish its job. A second one, or the end of the time that was given,
means: no longer. The slot then tells the job's process, which drops a render and puts its job in
line again; what is drawn already it keeps, and posts where there is time. A process that does not
manage that in time is killed, and the slot does it in its stead.
"""

from dataclasses import dataclass

# Seconds that a job's process has from then on, and the slot with it: more than the first, since it
# has to put right what the process left.
JOB_SECONDS = 5.0
SLOT_SECONDS = 10.0


@dataclass
class HandBack:
    """Whether this process is to hand back its job. Nothing but a flag: a signal sets it."""

    is_wanted: bool = False

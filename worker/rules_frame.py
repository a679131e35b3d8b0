"""The rules for a prompt, on their way from a job to the renderer.

A server may have a thousand words of sixty characters in each list, more than a frame's header
holds, so they are the payload of the job's request: JSON in UTF-8. A request without them is not
answered.
"""

from pydantic import TypeAdapter, ValidationError

from jobs.admission import PromptRules
from worker.errors import BadFrame

_RULES = TypeAdapter(PromptRules)


def pack_rules(rules: PromptRules) -> bytes:
    """Write rules as a payload."""
    return _RULES.dump_json(rules)


def read_rules(payload: bytes) -> PromptRules:
    """Read rules from a payload.

    Raises:
        BadFrame: it is not what `pack_rules` writes.
    """
    try:
        return _RULES.validate_json(payload)
    except ValidationError as error:
        raise BadFrame("not the rules for a prompt") from error

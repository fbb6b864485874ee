# requirements:

"""One cheap request that finds out whether a model can be used: its key, its name, its address, its
quota.
"""

from pydantic_ai import Agent

from f.millrace.core import errors
from f.millrace.models import call, fault_log

INSTRUCTIONS = "Answer with the one word OK."

agent = Agent(output_type=str, instructions=INSTRUCTIONS)


def ask(name: str) -> str:
    """Return what the model failed at, with the next step; empty when it answered, or when there is
    no money to ask it.
    """
    try:
        call.wait(call.call(fault_log.CHECK, agent, "Are you there?", model=name))
    except errors.BudgetExceeded:
        return ""
    except (errors.ModelFailed, errors.BadSetting) as error:
        standing = fault_log.find_standing(name)
        return fault_log.describe(standing) if standing else str(error)
    return ""

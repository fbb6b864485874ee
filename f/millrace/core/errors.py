# requirements:

"""What can go wrong, in words for the person who has to act.

MillraceError
├── BadInput                an argument is wrong
│   ├── NotFound            it names something that does not exist
│   └── Conflict            somebody else has changed or taken it meanwhile
├── BadSetting              a setting is unknown or has a bad value
├── DatabaseUnavailable     Postgres cannot be reached
├── SchemaMismatch          the database is older or newer than this code
├── SourceFailed            a source or page gave nothing usable
│   ├── FetchRefused        an address that must not be fetched
│   └── PageUnreadable      a page was there, and nothing on it can be read
├── ToolFailed              a tool answered with an error
│   └── ToolRefused         its call would have carried out what must stay
├── NeedsApproval           a person has to decide first
├── NotAllowed              an agent tried what only people may do
├── BudgetExceeded          the money is spent
│   └── BudgetHeld          the money is nearly spent, and a person has to allow the rest
└── ModelFailed             a model gave no usable answer
    └── AgentStuck          it goes in circles, or does not get on
"""


class MillraceError(Exception):
    """A fault whose message tells the value, the limit and the way out."""


class BadInput(MillraceError):
    """An argument is wrong; nothing was done."""


class NotFound(BadInput):
    """The named run, flow, recipient or action does not exist."""


class Conflict(BadInput):
    """What was to be changed is another by now, or the name is taken."""


class BadSetting(MillraceError):
    """A setting is unknown or its value is not allowed."""


class DatabaseUnavailable(MillraceError):
    """Postgres cannot be reached."""


class SchemaMismatch(MillraceError):
    """The database's schema is not the one this code was written for."""


class SourceFailed(MillraceError):
    """A source or page could not be read; the run goes on without it."""


class FetchRefused(SourceFailed):
    """The address is private or not web; see the setting `fetch_allow`."""


class PageUnreadable(SourceFailed):
    """A page came that holds nothing to read; `reason` says in two or three words why."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class ToolFailed(MillraceError):
    """A tool answered with an error.

    Attributes:
        temporary: The same call may do later: a server that refuses for now, or cannot be reached.
    """

    temporary: bool = False


class ToolRefused(ToolFailed):
    """The call would have sent out something that must stay, or gone where nobody sent it."""


class NeedsApproval(MillraceError):
    """The action was stored as proposed; a person decides."""


class NotAllowed(MillraceError):
    """An agent tried to change what it is allowed to do."""


class BudgetExceeded(MillraceError):
    """The call would spend more than is left; nothing was sent."""


class BudgetHeld(BudgetExceeded):
    """The limit is near and a question waits for a person; nothing was sent."""


class ModelFailed(MillraceError):
    """The model gave no usable answer after the allowed retries.

    Attributes:
        lasting: Asking again soon ends the same way: a refused key, an unknown model, no server.
    """

    lasting: bool = False


class AgentStuck(ModelFailed):
    """The agent repeated itself or did not get on, also when it was told to try another way."""

"""What a script that calls `timingle` can tell apart."""

from enum import IntEnum

from domain.errors import Away, BadInput, SettingsError, TimingleError


class ExitCode(IntEnum):
    """An exit code, and what it means."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "ExitCode":
        """A member of the enum: an int with its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    DONE = 0, "done; of health: ready"
    FAILED = 1, "failed, and says why"
    WRONG_USAGE = 2, "the command is not understood"
    WRONG_SETTINGS = 3, "a setting is missing or wrong"
    STORE_AWAY = 4, "a store did not answer; try again"
    NOT_READY = 5, "health: a store is away, or work is not moving"
    NOT_WHOLE = 6, "audit verify: somebody altered the history, or the file"
    UNVOUCHED = 7, "audit verify: nothing is wrong with the file, but nobody vouched for a certificate in it"
    DIFFERENT = 8, "payments reconcile: what we have is not what a provider lists"


def exit_code(error: TimingleError) -> ExitCode:
    """The exit code of an error of ours."""
    match error:
        case SettingsError():
            return ExitCode.WRONG_SETTINGS
        case BadInput():
            return ExitCode.WRONG_USAGE
        case Away():
            return ExitCode.STORE_AWAY
        case _:
            return ExitCode.FAILED


def described() -> str:
    """All of them, for --help."""
    return "Exit codes: " + " · ".join(f"{code.value} {code.meaning}" for code in ExitCode) + "."

"""What a failed task tells: the class of its error and where that was raised, never its text (P11).

Celery sends both to its log and, as an event, to Flower; a driver's text may quote any value.
"""

from celery import Task


class TaskFailed(Exception):
    """A task met an error that nobody foresaw. The message is that error's class."""


class DiscreetTask(Task):  # type: ignore[misc]  # Celery has no types
    """The base of all our tasks."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Run the task. TaskFailed, with the traceback but neither the text nor the causes of what it raised."""
        try:
            return super().__call__(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # swallows nothing: it goes on without its words
            name = f"{type(error).__module__}.{type(error).__qualname__}"
            raise TaskFailed(name).with_traceback(error.__traceback__) from None

"""What an audit PDF says, in Korean and in English: words.toml."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from domain.audit_report import Language
from reports.characters import Shown, within

WORDS: Final[Mapping[str, Mapping[str, str]]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
"""By key, then by language."""


class Words(NamedTuple):
    """The words of one language."""

    language: Language

    def __call__(self, key: str, **values: object) -> Shown:
        """What stands under a key, with these values in it."""
        return within(WORDS[key][self.language], **values)

    def find(self, *keys: str) -> Shown | None:
        """What stands under the first of these keys that there is."""
        return next((self(key) for key in keys if key in WORDS), None)

"""What reports are made with in this process: where files are kept, the fonts, the key. Each opened when needed."""

from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from domain.audit_report import AuditReport, Progress
from domain.errors import Away, SettingsError
from reports.font_pinning import FontsNotMade
from reports.signing_key import SigningKey
from stores.report_files import Files, open_store


class Tools:
    """The tools of one process. One that makes no reports opens none, and loads nothing that draws or signs.

    One that is missing, or cannot be used, is away: reports wait until somebody has mended that.
    """

    def __init__(self, reports_url: str, fonts_folder: Path, signing_key: str, timestamp_url: str) -> None:
        self._reports_url = reports_url
        self._fonts_folder = fonts_folder
        self._signing_key = signing_key
        self._timestamp_url = timestamp_url

    @cached_property
    def files(self) -> Files:
        """Where files of reports are kept. Raises Away."""
        try:
            return open_store(self._reports_url)
        except SettingsError as error:
            raise Away("The object store", "WrongUrl") from error

    def render(self, report: AuditReport, out: BinaryIO, progress: Progress) -> None:
        """Write a PDF. The fonts are made first, if they are not there, which takes a minute. Raises Away."""
        # Not at the top: every worker, and ingest, would load ReportLab to ring for a report.
        from reports import document

        try:
            document.render(report, out, self._fonts_folder, progress)
        except FontsNotMade as error:
            raise Away("The fonts", type(error).__name__) from error

    def sign(self, pdf: Path) -> None:
        """Sign a PDF where it stands. Raises Away, Wrong."""
        from reports import signing  # nor pyHanko and aiohttp

        signing.sign(pdf, self._key, self._timestamp_url)

    @cached_property
    def _key(self) -> SigningKey:
        if not self._signing_key:
            raise Away("The signing key", "NotSet")
        try:
            return SigningKey.load(self._signing_key)
        except SettingsError as error:
            raise Away("The signing key", "NotUsable") from error


_tools: Tools | None = None


def configure(tools: Tools) -> None:
    """Say once what this process makes reports with."""
    global _tools
    _tools = tools


def tools() -> Tools:
    """This process's."""
    if _tools is None:
        raise RuntimeError("call report_tools.configure() first: the worker does after its fork")
    return _tools

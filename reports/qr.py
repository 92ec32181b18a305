"""The QR code of a text (ISO/IEC 18004), as squares."""

from collections.abc import Iterator
from typing import Final

from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel

QUIET_ZONE_MODULES: Final = 4
"""Left free around the code, or scanners do not find it."""


def dark_modules(text: str) -> tuple[int, Iterator[tuple[int, int]]]:
    """How many modules a side has, and row and column of each dark one, from the top left."""
    code = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    side = code.getModuleCount()
    return side, ((row, column) for row in range(side) for column in range(side) if code.isDark(row, column))

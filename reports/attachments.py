"""Files inside the PDF, as PDF/A-3 associates them with the document (ISO 19005-3, 6.8; PDF 2.0, 14.13)."""

import zlib
from collections.abc import Iterable
from hashlib import md5
from typing import Any, Final

from reportlab.pdfbase import pdfdoc

JSON_TYPE: Final = "/application#2Fjson"


def attach(document: Any, name: str, description: str, pieces: Iterable[bytes], at: str) -> None:
    """Put a JSON file into the document, compressed as it comes: it may be larger than memory should hold.

    `at` is a date as `moments.pdf_date` writes it.
    """
    compressor = zlib.compressobj()
    digest = md5(usedforsecurity=False)
    size = 0
    compressed = bytearray()
    for piece in pieces:
        size += len(piece)
        digest.update(piece)
        compressed += compressor.compress(piece)
    compressed += compressor.flush()
    parameters = {
        "Size": size,
        "ModDate": pdfdoc.PDFString(at),
        "CheckSum": f"<{digest.hexdigest()}>",
    }
    embedded = pdfdoc.PDFStream(content=bytes(compressed))
    embedded.dictionary.dict |= {
        "Type": "/EmbeddedFile",
        "Subtype": JSON_TYPE,
        "Filter": "/FlateDecode",
        "Params": pdfdoc.PDFDictionary(parameters),
    }
    file = document.Reference(embedded)
    specification = document.Reference(
        pdfdoc.PDFDictionary(
            {
                "Type": "/Filespec",
                "F": pdfdoc.PDFString(name),
                "UF": pdfdoc.PDFString(name),
                "Desc": pdfdoc.PDFString(description),
                "AFRelationship": "/Data",
                "EF": pdfdoc.PDFDictionary({"F": file, "UF": file}),
            }
        )
    )
    catalog = document.Catalog
    files = pdfdoc.PDFDictionary({"Names": pdfdoc.PDFArray([pdfdoc.PDFString(name), specification])})
    catalog.Names = pdfdoc.PDFDictionary({"EmbeddedFiles": files})
    catalog.__NoDefault__ = [*catalog.__NoDefault__, "AF"]
    catalog.AF = pdfdoc.PDFArray([specification])

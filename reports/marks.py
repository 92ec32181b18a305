"""What an audit PDF prints for the verifier, and for whoever has it on paper: which report a page is of, which chain.

`reports.verifier` finds both in the pages' text, wherever spaces and line breaks fall. The chain's mark stands on page
1, in its QR code and in the document's keywords; a page's mark stands on each page.
"""

from domain.audit_report import AuditReport


def chain_mark(report: AuditReport) -> str:
    """Length and head of the chain that a report tells of, in ASCII."""
    chain = report.chain
    return f"event={report.event.id} report={report.report_id} length={chain.length} head={chain.head.hex()}"


def page_mark(report: AuditReport, page: int, pages: int) -> str:
    """A page's place in its report, in ASCII; pages count from 1."""
    return f"event={report.event.id} report={report.report_id} page={page}/{pages}"

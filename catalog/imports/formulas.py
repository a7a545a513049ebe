"""Texts that a spreadsheet would take for a formula: marked going out, plain again coming in.

After OWASP's page on CSV injection. The mark is an apostrophe, which spreadsheets know as "text
follows". A text that already begins with apostrophes before such a sign gets one more, so every
text comes back as it was.
"""

import re

STARTS = "=+-@\t\r\n"
_DANGEROUS = re.compile(f"'*[{re.escape(STARTS)}]")
_MARKED = re.compile(f"'+[{re.escape(STARTS)}]")


def neutralise(text: str) -> str:
    return f"'{text}" if _DANGEROUS.match(text) else text


def restore(text: str) -> str:
    """What `neutralise` was given."""
    return text[1:] if text[:1] == "'" and _MARKED.match(text) else text

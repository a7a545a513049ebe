"""Letters of the demo, shown as they are read: for whom, about what, and the text without its HTML.

The other way to send mail in development is a real server (`MUSEO_MAIL=smtp`).
"""

from django.core.mail import EmailMessage
from django.core.mail.backends import console


class EmailBackend(console.EmailBackend):
    def write_message(self, message: EmailMessage) -> None:
        to = ", ".join(message.to)
        self.stream.write(f"To {to}: {message.subject}\n\n{str(message.body).strip()}\n")

"""What a page says once, such as that a form was sent; a call of the API is answered at once."""

from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpRequest

API = "/api/"


class Notices(MessageMiddleware):
    """Django's, which looks into cookie and session for each request, but not for calls."""

    def process_request(self, request: HttpRequest) -> None:
        if not request.path_info.startswith(API):
            super().process_request(request)

"""What Django does for every address: for those of the API it comes to nothing."""

from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware

from museo.access.notices import API


class Common(CommonMiddleware):
    """The host was looked at by the edge, and below `API` no address is another with a slash."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        if request.path_info.startswith(API):
            return None
        return super().process_request(request)

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        return not request.path_info.startswith(API) and super().should_redirect_with_slash(request)

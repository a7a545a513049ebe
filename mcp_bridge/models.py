"""What must outlive a process of the bridge: the resources that its sessions follow."""

from django.db import models


class FollowedResource(models.Model):
    """A resource that a session follows, for the one that takes its place."""

    # its name without the process, as a digest: whoever knows it may take the place
    session = models.CharField(max_length=64)
    process = models.CharField(max_length=16)
    # whose session it is, empty for a guest; and which program speaks in it, as a digest
    who = models.CharField(max_length=60, blank=True)
    client = models.CharField(max_length=64)
    uri_hash = models.CharField(max_length=64)
    # an order's ticket may be in it
    sealed_uri = models.TextField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["session", "uri_hash"], name="session_follows_a_resource_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["who", "client"],
                condition=~models.Q(who=""),
                name="followed_by_whom",
            ),
            models.Index(fields=["ends_at"], name="followed_until"),
        ]

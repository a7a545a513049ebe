"""What it costs to tell programs: deliveries made, webhooks sent, and who waits for whom."""

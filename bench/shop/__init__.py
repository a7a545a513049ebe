"""The shop's calls, measured side by side with peers in one run: `python -m bench.shop`."""

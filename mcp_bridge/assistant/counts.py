"""How the assistant is doing, in numbers for `/metrics`."""

from prometheus_client import Counter, Histogram

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
MESSAGES = Counter(
    "museo_assistant_messages_total",
    "Messages answered, by client type, intent and outcome",
    ["client_type", "intent", "outcome"],
)
ANSWER_SECONDS = Histogram(
    "museo_assistant_answer_seconds",
    "From a message to its answer, by outcome",
    ["outcome"],
    buckets=SECONDS,
)
TOOL_SECONDS = Histogram(
    "museo_assistant_tool_seconds",
    "A call of a tool by the assistant, by tool and outcome",
    ["tool", "outcome"],
    buckets=SECONDS,
)

from tests.processes import spawn


def test_a_process_loads_nothing_that_it_does_not_use() -> None:
    """Libraries that few shops need, and the admin where no pages are served."""
    process = spawn("""
    from mcp_bridge.assistant import planning, providers
    unused = {"openpyxl", "requests", "stripe", "unfold.admin", "oauth2_provider.oauth2_validators"}
    unused |= {"anthropic", "openai", "mcp_types"}
    print(*sorted(unused & set(sys.modules)))
    print(providers.configured(), planning.planner())
    from orders.payments import stripe
    print(stripe.library.StripeError.__module__.partition(".")[0])
    """)
    output, _error = process.communicate(timeout=60)
    assert output.splitlines() == ["", "() None", "stripe"]


def test_pages_are_served_before_what_few_ask_for_is_loaded() -> None:
    """MCP, and what makes the OpenAPI document: more than all the rest."""
    process = spawn("""
    import museo.asgi, museo.urls
    unwanted = {"mcp", "mcp_types", "drf_spectacular.generators", "oauth2_provider.views"}
    print(*sorted(unwanted & set(sys.modules)))
    """)
    output, _error = process.communicate(timeout=60)
    assert output == "\n"

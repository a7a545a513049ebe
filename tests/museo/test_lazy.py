from tests.processes import spawn


def test_a_process_loads_nothing_that_it_does_not_use() -> None:
    """Libraries that few shops need, and the admin where no pages are served."""
    process = spawn("""
    unused = {"openpyxl", "requests", "stripe", "unfold.admin", "oauth2_provider.oauth2_validators"}
    print(*sorted(unused & set(sys.modules)))
    from orders.payments import stripe
    print(stripe.library.StripeError.__module__.partition(".")[0])
    """)
    output, _error = process.communicate(timeout=60)
    assert output.splitlines() == ["", "stripe"]

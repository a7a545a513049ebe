from tests.processes import spawn


def test_a_process_loads_no_library_that_few_shops_need() -> None:
    process = spawn("""
    print(*sorted({"openpyxl", "stripe"} & set(sys.modules)))
    from orders.payments import stripe
    print(stripe.library.StripeError.__module__.partition(".")[0])
    """)
    output, _error = process.communicate(timeout=60)
    assert output.splitlines() == ["", "stripe"]

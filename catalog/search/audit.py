"""What must be true of the search index: it has what is on sale, as it is on sale."""

from django.db import connection

from notifications.audit import Invariant

# all of it is written here: nothing comes from outside
# ruff: noqa: S608

# SQLite's clock has whole seconds only: a price that was set in this one holds, the one before not;
# in PostgreSQL the time of the clock, not that at which the transaction began
SOON = (
    "datetime('now', '+1 second')"
    if connection.vendor == "sqlite"
    else "clock_timestamp() + INTERVAL '1 second'"
)

INVARIANTS = (
    Invariant(
        "the search index has every product on sale and no other",
        "catalog_master",
        """
        SELECT m.slug || ' is on sale and not in the index' FROM catalog_master m
        LEFT JOIN catalog_searchentry e ON e.master_id = m.id
        WHERE m.id > %(after)s AND m.id <= %(upto)s
            AND m.status = 'active' AND m.deleted_at IS NULL AND e.master_id IS NULL
        UNION ALL
        SELECT m.slug || ' is not on sale and in the index' FROM catalog_master m
        JOIN catalog_searchentry e ON e.master_id = m.id
        WHERE m.id > %(after)s AND m.id <= %(upto)s
            AND (m.status <> 'active' OR m.deleted_at IS NOT NULL)
        """,
    ),
    Invariant(
        "the search index agrees with the products",
        "catalog_searchentry",
        """
        SELECT m.slug || ' was edited after it was indexed' FROM catalog_searchentry e
        JOIN catalog_master m ON m.id = e.master_id
        JOIN catalog_category c ON c.id = m.primary_category_id
        WHERE e.master_id > %(after)s AND e.master_id <= %(upto)s
            AND (e.revision <> m.revision OR e.brand <> m.brand OR e.kind <> m.kind
                OR e.category_path <> c.path
                OR e.one_variant <> COALESCE(
                    (SELECT MIN(v.id) FROM catalog_variant v
                        WHERE v.master_id = m.id AND v.is_active), 0)
                OR COALESCE(CAST(e.published_at AS TEXT), '')
                    <> COALESCE(CAST(m.published_at AS TEXT), ''))
        """,
        key="master_id",
    ),
    Invariant(
        "the search index knows what products cost",
        "catalog_searchentry",
        # a price whose time is over is looked up by the next beat
        f"""
        SELECT m.slug || ' costs ' || COALESCE(CAST(p.lowest AS TEXT), 'nothing') || ', indexed '
            || COALESCE(CAST(e.price AS TEXT), 'nothing')
        FROM catalog_searchentry e
        JOIN catalog_master m ON m.id = e.master_id
        LEFT JOIN (
            SELECT v.master_id, MIN(p.amount) AS lowest
            FROM catalog_price p JOIN catalog_variant v ON v.id = p.variant_id
            WHERE v.master_id > %(after)s AND v.master_id <= %(upto)s
                AND v.is_active AND p.sales_channel = 'web' AND p.valid_from <= {SOON}
                AND (p.valid_to IS NULL OR p.valid_to > {SOON})
                AND p.currency = COALESCE((SELECT currency FROM catalog_shopsettings), 'EUR')
            GROUP BY v.master_id
        ) p ON p.master_id = m.id
        WHERE e.master_id > %(after)s AND e.master_id <= %(upto)s
            AND (e.price_until IS NULL OR e.price_until > {SOON})
            AND COALESCE(p.lowest, -1) <> COALESCE(e.price, -1)
        """,
        key="master_id",
    ),
)

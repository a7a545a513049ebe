"""What must be true of stock, whatever happened: looked at in SQL, by slices."""

from notifications.audit import Invariant

INVARIANTS = (
    Invariant(
        "stock on hand is what its movements add up to",
        "catalog_stockitem",
        """
        SELECT 'stock item ' || item.id || ': ' || item.on_hand || ' on hand, '
            || COALESCE(moved.units, 0) || ' moved'
        FROM catalog_stockitem item
        LEFT JOIN (
            SELECT stock_item_id, SUM(delta) AS units FROM catalog_stockmovement
            WHERE stock_item_id > %(after)s AND stock_item_id <= %(upto)s
            GROUP BY stock_item_id
        ) moved ON moved.stock_item_id = item.id
        WHERE item.id > %(after)s AND item.id <= %(upto)s
            AND item.on_hand <> COALESCE(moved.units, 0)
        """,
    ),
    Invariant(
        "what is reserved is what checkouts hold",
        "catalog_stockitem",
        """
        SELECT 'stock item ' || item.id || ': ' || item.reserved || ' reserved, '
            || COALESCE(held.units, 0) || ' held'
        FROM catalog_stockitem item
        LEFT JOIN (
            SELECT stock_item_id, SUM(quantity) AS units FROM catalog_stockreservation
            WHERE state = 'held' AND stock_item_id > %(after)s AND stock_item_id <= %(upto)s
            GROUP BY stock_item_id
        ) held ON held.stock_item_id = item.id
        WHERE item.id > %(after)s AND item.id <= %(upto)s
            AND item.reserved <> COALESCE(held.units, 0)
        """,
    ),
    Invariant(
        "a product's rating is what its published reviews say",
        "catalog_master",
        """
        SELECT master.public_id || ': ' || master.rating_sum || ' stars in '
            || master.rating_count || ' reviews'
        FROM catalog_master master
        LEFT JOIN (
            SELECT master_id, SUM(rating) AS stars, COUNT(*) AS reviews FROM catalog_review
            WHERE state = 'published' AND master_id > %(after)s AND master_id <= %(upto)s
            GROUP BY master_id
        ) said ON said.master_id = master.id
        WHERE master.id > %(after)s AND master.id <= %(upto)s
            AND (master.rating_count <> COALESCE(said.reviews, 0)
                OR master.rating_sum <> COALESCE(said.stars, 0))
        """,
    ),
)

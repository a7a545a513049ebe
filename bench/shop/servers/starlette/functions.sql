-- One statement for each call, on the naive shop's tables. What is left is taken by conditional
-- updates in the order of ids; the JSON is made here.

ALTER TABLE naive_product ADD CONSTRAINT stock_not_negative CHECK (stock >= 0);

CREATE FUNCTION card(p naive_product) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'id', p.id, 'slug', p.slug, 'name', p.name, 'subtitle', p.subtitle,
        'price', json_build_object('amount', (p.price * 100)::bigint, 'currency', 'EUR'),
        'list_price', null, 'in_stock', p.stock > 0, 'available', p.stock,
        'image', (SELECT url FROM naive_image WHERE product_id = p.id ORDER BY id LIMIT 1),
        'category', c.slug, 'room', c.room, 'default_sku', p.sku)
    FROM naive_category c WHERE c.id = p.category_id
$$;

CREATE FUNCTION product_list() RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('results', json_agg(card(p) ORDER BY p.published_at DESC))
    FROM (SELECT * FROM naive_product ORDER BY published_at DESC LIMIT 20) p
$$;

CREATE FUNCTION product_detail(wanted text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT card(p)::jsonb || jsonb_build_object('description', p.description)
    FROM naive_product p WHERE p.slug = wanted
$$;

CREATE FUNCTION basket_add(opened text, wanted text, more int) RETURNS json LANGUAGE sql AS $$
    WITH basket AS (
        INSERT INTO naive_basket (token, created_at) VALUES (opened, now())
        ON CONFLICT (token) DO UPDATE SET token = EXCLUDED.token RETURNING id
    ), line AS (
        INSERT INTO naive_basketline AS l (basket_id, product_id, quantity)
        SELECT basket.id, p.id, more FROM basket, naive_product p
        WHERE p.sku = wanted AND p.stock >= more
        ON CONFLICT (basket_id, product_id) DO UPDATE SET quantity = l.quantity + EXCLUDED.quantity
        RETURNING product_id, quantity
    ), lines AS (
        SELECT product_id, quantity FROM line UNION ALL
        SELECT l.product_id, l.quantity FROM naive_basketline l, basket
        WHERE l.basket_id = basket.id AND l.product_id NOT IN (SELECT product_id FROM line)
    )
    SELECT json_build_object(
        'token', opened,
        'lines', json_agg(json_build_object(
            'sku', p.sku, 'name', p.name, 'quantity', lines.quantity,
            'total', (p.price * 100)::bigint * lines.quantity)),
        'totals', json_build_array(json_build_object(
            'type', 'total', 'amount', sum((p.price * 100)::bigint * lines.quantity))))
    FROM lines JOIN naive_product p ON p.id = lines.product_id
    HAVING EXISTS (SELECT FROM line)
$$;

CREATE FUNCTION order_place(opened text, placed text, email text, name text, address jsonb)
RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    wanted record;
    made bigint;
    sum_of_all numeric := 3.90;
BEGIN
    INSERT INTO naive_order (number, email, name, address, status, total, placed_at)
    VALUES (placed, email, name, address, 'placed', 0, now()) RETURNING id INTO made;
    FOR wanted IN
        DELETE FROM naive_basketline l USING naive_basket b, naive_product p
        WHERE b.token = opened AND l.basket_id = b.id AND p.id = l.product_id
        RETURNING l.product_id, l.quantity, p.name, p.price
    LOOP
        INSERT INTO naive_orderline (order_id, product_id, name, quantity, price)
        VALUES (made, wanted.product_id, wanted.name, wanted.quantity, wanted.price);
        sum_of_all := sum_of_all + wanted.price * wanted.quantity;
    END LOOP;
    FOR wanted IN SELECT product_id, quantity FROM naive_orderline WHERE order_id = made
        ORDER BY product_id
    LOOP
        UPDATE naive_product SET stock = stock - wanted.quantity WHERE id = wanted.product_id;
    END LOOP;
    UPDATE naive_order SET total = sum_of_all WHERE id = made;
    RETURN json_build_object(
        'number', placed, 'total', json_build_object('amount', (sum_of_all * 100)::bigint));
END
$$;

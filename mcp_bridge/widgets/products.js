// Products as search_products or get_product_info say them, each with a button that buys none yet.
let products = null;
let understood = "";
let basketToken = "";
// what the basket says in the end, as a function of the language
let told = () => "";

function take(data) {
  products = data.results ?? (data.slug ? [data] : []);
  understood = data.interpretation?.text ?? "";
  document.querySelector("main").removeAttribute("aria-busy");
  redraw();
}

function redraw() {
  const texts = host.texts();
  document.title = texts.products_title;
  const title = products?.length === 0 ? texts.nothing_found : texts.products_title;
  say($("headline"), products ? title : texts.loading_products);
  $("understood").hidden = !understood;
  say($("understood"), understood);
  $("products").hidden = !products?.length;
  $("products").replaceChildren(...(products ?? []).map((product) => cardOf(product, texts)));
  say($("basket"), told());
}

function cardOf(product, texts) {
  const item = make("li");
  if (product.image) item.append(make("img", "", { src: host.address(product.image), alt: "" }));
  item.append(make("h2", product.name));
  if (product.subtitle) item.append(make("p", product.subtitle, { class: "quiet" }));
  const price = make("p", host.money(product.price));
  item.append(price);
  const choice = (product.variants?.length ?? 0) > 1 ? choiceOf(product, price, texts) : null;
  if (choice) item.append(choice);
  item.append(doing(product, choice, texts));
  return item;
}

function choiceOf(product, price, texts) {
  const choice = make("select", "", { "aria-label": host.fill(texts.choose, { name: product.name }) });
  for (const variant of product.variants) {
    const name = Object.values(variant.options ?? {}).join(", ") || variant.sku;
    const option = make("option", name, { value: variant.sku });
    option.disabled = variant.available === 0;
    choice.append(option);
  }
  choice.value = product.default_sku;
  choice.addEventListener("change", () => {
    const chosen = product.variants.find((variant) => variant.sku === choice.value);
    say(price, host.money(chosen.price));
  });
  return choice;
}

function doing(product, choice, texts) {
  const row = make("div", "", { class: "do" });
  if (!product.in_stock) row.append(make("p", texts.sold_out, { class: "quiet" }));
  else if (host.can("serverTools")) {
    const add = make("button", texts.add, { type: "button" });
    add.append(make("span", `: ${product.name}`, { class: "unseen" }));
    add.addEventListener("click", () => put(add, choice?.value ?? product.default_sku));
    row.append(add);
  }
  if (host.can("openLinks")) {
    const open = make("button", texts.look, { type: "button" });
    open.append(make("span", `: ${product.name}`, { class: "unseen" }));
    open.addEventListener("click", () => host.open(`${host.shop.url}/p/${product.slug}`));
    row.append(open);
  }
  return row;
}

/** Once for each click, and not while one is on its way. */
async function put(button, sku) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    const basket = await host.call("add_to_basket", { sku, basket_token: basketToken });
    basketToken = basket.basket_token;
    const count = basket.lines.reduce((sum, line) => sum + line.quantity, 0);
    const total = basket.totals.find((each) => each.type === "total") ?? basket.totals.at(-1);
    told = () => host.fill(host.texts().in_basket, { count: host.number(count), total: host.money(total) });
    host.tell(`${told()} basket_token: ${basketToken}`, basket);
  } catch (error) {
    told = () => error.message;
  }
  button.removeAttribute("aria-disabled");
  say($("basket"), told());
}

host.show("museo-products", {
  input: (given) => {
    basketToken = given.basket_token || basketToken;
  },
  result: (said) => {
    if (said.isError) told = () => said.structuredContent?.detail ?? said.content?.[0]?.text ?? "";
    take(said.structuredContent ?? {});
  },
  redraw,
});

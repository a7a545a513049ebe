// An order as track_order says it, kept fresh; before that, the question whether to buy.
const ENDED = ["delivered", "cancelled", "failed", "refunded"];
// so often it is asked for when no step is due sooner
const LONGEST_SECONDS = 10;
const SHORTEST_SECONDS = 2;

let input = {};
let order = null;
// { tool, arguments, confirm, ask }: what waits for the person's yes
let question = null;
let ticket = "";
let skew = 0;
let timer;
let isWithdrawn = false;

const isOver = () => ENDED.includes(order?.status);
const which = () => ({ order_id: order.order_id, ticket });

function take(data) {
  if (data.confirm) {
    ask(data);
    return;
  }
  const id = data.order_id ?? data.number;
  if (!id) return;
  question = null;
  ticket = data.ticket || ticket || input.ticket || "";
  const isOther = id !== order?.order_id;
  if (!isOther && data.version !== undefined && data.version <= (order.version ?? 0)) return;
  const before = isOther ? undefined : order.status;
  order = { ...(isOther ? {} : order), ...data, order_id: id };
  if (data.now) skew = Date.parse(data.now) - Date.now();
  if (before && order.status && before !== order.status) tell();
  redraw();
  if (data.steps) later();
  else pull();
}

function tell() {
  say($("news"), message());
  host.tell(message(), { order_id: order.order_id, status: order.status, eta: order.eta });
}

const message = () => host.texts().statuses[order.status]?.message ?? order.status_message ?? "";

// what waits for a yes

function ask(data) {
  const isPurchase = Boolean(data.summary);
  const tool = isPurchase ? "place_order" : "cancel_order";
  if (!isPurchase && data.order_id) ticket = ticket || input.ticket || "";
  question = { tool, arguments: isPurchase ? input : { ...input, order_id: data.order_id, ticket }, ...data };
  redraw();
}

async function agree() {
  const asked = question;
  const given = { ...asked.arguments, confirm: asked.confirm };
  await attempt(async () => take(await host.call(asked.tool, given)));
}

function decline() {
  question = null;
  redraw();
  if (order) $("cancel").focus();
}

async function attempt(act) {
  document.querySelector("main").setAttribute("aria-busy", "true");
  say($("trouble"), "");
  try {
    await act();
  } catch (error) {
    if (!question?.summary) question = null;
    redraw();
    say($("trouble"), error.message);
  }
  document.querySelector("main").removeAttribute("aria-busy");
}

// staying fresh

function later() {
  clearTimeout(timer);
  if (!host.can("serverTools") || isOver()) return;
  const due = order.steps.find((step) => step.state === "upcoming")?.due_at;
  const seconds = due ? (Date.parse(due) - Date.now() - skew) / 1000 + 1 : LONGEST_SECONDS;
  timer = setTimeout(pull, 1000 * Math.max(SHORTEST_SECONDS, Math.min(seconds, LONGEST_SECONDS)));
}

async function pull() {
  clearTimeout(timer);
  if (!order || document.hidden || !host.can("serverTools")) return;
  try {
    const stand = await host.call("track_order", which());
    if (!question) say($("trouble"), "");
    take(stand);
  } catch (error) {
    say($("trouble"), error.message);
  }
  if (order.steps) later();
}

// what is shown

function redraw() {
  const { texts, fill } = host;
  const main = document.querySelector("main");
  document.title = texts().order_title;
  for (const id of ["when", "about", "steps", "sums", "question", "yes", "no", "open", "cancel"]) $(id).hidden = true;
  if (question?.summary) drawPurchase(texts(), fill);
  else if (order) drawOrder(texts(), fill);
  else if (question) say($("headline"), texts().order_title);
  else say($("headline"), isWithdrawn ? texts().withdrawn : texts().loading);
  if (question && !question.summary) drawCancellation(texts(), fill);
  if (order || question) main.removeAttribute("aria-busy");
}

function drawOrder(texts, fill) {
  say($("headline"), message() || texts.order_title);
  if (order.status) show("when", isOver() ? texts.statuses[order.status]?.label : remaining(texts, fill));
  const about = [fill(texts.number, { number: order.order_id })];
  if (order.eta && !isOver()) about.push(fill(texts.expected, { time: host.time(order.eta) }));
  if (order.late) about.push(texts.late);
  show("about", about.join(" · "));
  $("steps").setAttribute("aria-label", texts.progress);
  $("steps").hidden = !order.steps?.length;
  $("steps").replaceChildren(...(order.steps ?? []).map((step) => stepOf(step, texts)));
  if (host.can("openLinks")) show("open", texts.open);
  const canCancel = host.shop.cancellable.includes(order.status) && host.can("serverTools");
  if (canCancel && !question) show("cancel", texts.cancel);
}

function stepOf(step, texts) {
  const label = texts.statuses[step.code]?.label ?? step.label;
  const current = step.state === "current" ? { "aria-current": "step" } : {};
  return make("li", label, { "data-state": step.state, ...current });
}

function remaining(texts, fill) {
  if (!order.eta) return "";
  const minutes = Math.ceil((Date.parse(order.eta) - Date.now() - skew) / 60000);
  return minutes < 1 ? texts.soon : fill(texts.minutes, { minutes: host.number(minutes) });
}

function drawPurchase(texts, fill) {
  const { summary } = question;
  say($("headline"), texts.buy_title);
  $("sums").hidden = false;
  const lines = summary.lines.map((line) => [`${host.number(line.quantity)} × ${line.name}`, line.total]);
  const rows = [...lines, [texts.total, summary.total]];
  $("sums").replaceChildren(
    ...rows.map(([name, money]) => {
      const row = make("li");
      row.append(make("span", name), make("span", host.money(money)));
      return row;
    }),
  );
  if (host.can("serverTools")) show("yes", fill(texts.pay, { amount: host.money(summary.total) }));
}

function drawCancellation(texts, fill) {
  const { refund } = question;
  const text = refund?.amount ? fill(texts.cancel_refund, { amount: host.money(refund) }) : texts.cancel_question;
  show("question", text);
  if (!host.can("serverTools")) return;
  show("yes", texts.cancel_yes);
  show("no", texts.cancel_no);
}

function show(id, text) {
  $(id).hidden = !text;
  say($(id), text ?? "");
}

const page = () => (ticket ? `${host.shop.url}/t/${ticket}` : `${host.shop.url}/orders/${order.order_id}`);
$("open").addEventListener("click", () => host.open(page()));
$("yes").addEventListener("click", agree);
$("no").addEventListener("click", decline);
$("cancel").addEventListener("click", () =>
  attempt(async () => {
    ask(await host.call("cancel_order", which()));
    $("yes").focus();
  }),
);
document.addEventListener("visibilitychange", () => document.hidden || pull());

host.show("museo-order", {
  input: (given) => {
    input = given;
  },
  result: (told) => {
    if (told.isError) say($("trouble"), told.structuredContent?.detail ?? told.content?.[0]?.text ?? "");
    else take(told.structuredContent ?? {});
  },
  cancelled: () => {
    isWithdrawn = true;
    redraw();
  },
  end: () => clearTimeout(timer),
  redraw,
});

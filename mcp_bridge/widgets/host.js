// The chat around a card, after MCP Apps 2026-01-26: JSON-RPC with the window that holds it.
const host = (() => {
  const { languages, shop } = JSON.parse(document.getElementById("texts").textContent);
  const waiting = new Map();
  let lastId = 0;
  let capabilities = {};
  let locale = "en";
  let timeZone;
  let card = {};

  const post = (message) => parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const notify = (method, params = {}) => post({ method, params });

  function ask(method, params) {
    lastId += 1;
    const id = lastId;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      post({ id, method, params });
    });
  }

  function answered({ id, result, error }) {
    const question = waiting.get(id);
    waiting.delete(id);
    if (error) question?.reject(error);
    else question?.resolve(result);
  }

  /** What the chat has of colours, clock and language, as far as it says; whether texts change. */
  function adopt(context = {}) {
    const root = document.documentElement;
    if (context.theme) root.style.colorScheme = context.theme;
    for (const [name, value] of Object.entries(context.styles?.variables ?? {})) {
      if (value && name.startsWith("--")) root.style.setProperty(name, value);
    }
    const before = `${locale} ${timeZone}`;
    timeZone = context.timeZone ?? timeZone;
    if (context.locale) {
      const [language] = context.locale.toLowerCase().split(/[-_]/);
      locale = language in languages ? context.locale.replaceAll("_", "-") : "en";
    }
    root.lang = locale;
    root.dir = texts().dir;
    return before !== `${locale} ${timeZone}`;
  }

  const texts = () => languages[locale.toLowerCase().split("-")[0]];

  const onNotification = {
    "ui/notifications/tool-input": (params) => card.input?.(params?.arguments ?? {}),
    "ui/notifications/tool-result": (params) => card.result(params ?? {}),
    "ui/notifications/tool-cancelled": () => card.cancelled?.(),
    "ui/notifications/host-context-changed": (params) => adopt(params) && card.redraw(),
  };

  addEventListener("message", ({ source, data }) => {
    if (source !== parent || data?.jsonrpc !== "2.0") return;
    if (!data.method) answered(data);
    else if (data.method === "ui/resource-teardown") {
      card.end?.();
      post({ id: data.id, result: {} });
    } else if (data.id !== undefined) post({ id: data.id, result: {} });
    else onNotification[data.method]?.(data.params);
  });

  function tellSize() {
    const { height } = document.querySelector("main").getBoundingClientRect();
    const width = document.documentElement.scrollWidth;
    notify("ui/notifications/size-changed", { width, height: Math.ceil(height) });
  }

  return {
    shop,
    texts,
    can: (what) => what in capabilities,
    /** Begin: `card` has result, redraw, and if it likes input, cancelled, end. */
    async show(name, shown) {
      card = shown;
      const begun = await ask("ui/initialize", {
        appInfo: { name, version: "1.0.0" },
        appCapabilities: { availableDisplayModes: ["inline"] },
        protocolVersion: "2026-01-26",
      });
      capabilities = begun.hostCapabilities ?? {};
      adopt(begun.hostContext);
      card.redraw();
      new ResizeObserver(tellSize).observe(document.querySelector("main"));
      notify("ui/notifications/initialized");
    },
    /** The data that a tool answers; throws an Error with what it says instead. */
    async call(name, args) {
      const given = Object.entries(args).filter(([, value]) => value);
      let answer;
      try {
        answer = await ask("tools/call", { name, arguments: Object.fromEntries(given) });
      } catch {
        throw new Error(texts().unreachable);
      }
      const data = answer.structuredContent ?? {};
      if (answer.isError) throw new Error(data.detail ?? answer.content?.[0]?.text ?? texts().unreachable);
      return data;
    },
    /** Of a file of the shop; what is none is shown as a picture that is missing. */
    address: (path) => (URL.canParse(path, shop.url) ? new URL(path, shop.url).href : "data:,"),
    open: (url) => ask("ui/open-link", { url }).catch(() => {}),
    /** Let the model know of what was done here. */
    tell(text, structuredContent) {
      if (!("updateModelContext" in capabilities)) return;
      ask("ui/update-model-context", { content: [{ type: "text", text }], structuredContent }).catch(() => {});
    },
    time: (at) =>
      new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", timeZone }).format(new Date(at)),
    money({ amount, currency }) {
      const format = new Intl.NumberFormat(locale, { style: "currency", currency });
      return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
    },
    number: (value) => new Intl.NumberFormat(locale).format(value),
    fill: (text, values) => text.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place),
  };
})();

const $ = (id) => document.getElementById(id);

/** Set a text only if it is another one: what is spoken is spoken once. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function make(name, text = "", attributes = {}) {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

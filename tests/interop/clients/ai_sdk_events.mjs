// @ai-sdk/mcp: MCP Events. Each step comes as a signed POST to an address of the client's own.
import http from 'node:http';
import {
  experimental_createMCPClient as createClient,
  experimental_createMCPEventWebhook as createWebhook,
} from '@ai-sdk/mcp';
import { buy, data, say } from './purchase.mjs';

const [address, port] = process.argv.slice(2);
const kept = new Map();
const store = {
  get: async (key) => kept.get(key),
  getById: async (id) => [...kept.values()].find((each) => each.id === id),
  set: async (each) => void kept.set(each.key, each),
  update: async (key, change) => void kept.set(key, { ...kept.get(key), ...change }),
  delete: async (key) => void kept.delete(key),
};
const told = [];
let end;
const delivered = new Promise((resolve) => (end = resolve));
const receive = createWebhook({
  store,
  onEvent: async ({ event }) => {
    told.push(event.name);
    if (event.name === 'order.delivered') end();
  },
});
const receiver = http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const answer = await receive(
    new Request(`http://127.0.0.1:${port}${request.url}`, {
      method: request.method,
      headers: request.headers,
      body: Buffer.concat(parts),
    }),
  );
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(await answer.text());
});
await new Promise((resolve) => receiver.listen(Number(port), '127.0.0.1', resolve));

const client = await createClient({
  transport: { type: 'http', url: address },
  experimental_events: { store },
});
const tools = await client.tools();
const options = { toolCallId: '1', messages: [] };
const order = await buy(async (name, args) => data(await tools[name].execute(args, options)));
const listed = (await client.experimental_events.list()).events.map((event) => event.name);
const steps = ['order.confirmed', 'order.preparing', 'order.out_for_delivery', 'order.delivered'];
const subscriptions = [];
for (const name of steps.filter((step) => listed.includes(step))) {
  const delivery = {
    mode: 'webhook',
    url: `http://127.0.0.1:${port}/events`,
    allowInsecureLocalhost: true,
  };
  const asked = { order_id: order.order_id, ticket: order.ticket };
  subscriptions.push(
    await client.experimental_events.subscribe({ name, arguments: asked, delivery }),
  );
}
await delivered;
for (const { id } of subscriptions) await client.experimental_events.unsubscribe({ id });
await client.close();
say({ number: order.order_id, told });

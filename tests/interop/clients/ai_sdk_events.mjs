// @ai-sdk/mcp: MCP Events. Each step comes as a signed POST to an address of the client's own.
import http from 'node:http';
import {
  experimental_createMCPClient as createClient,
  experimental_createMCPEventWebhook as createWebhook,
} from '@ai-sdk/mcp';
import { buy, data, follows, leave, replay, say } from './purchase.mjs';

const [address, port] = process.argv.slice(2);
const kept = new Map();
const store = {
  get: async (key) => kept.get(key),
  getById: async (id) => [...kept.values()].find((each) => each.id === id),
  set: async (each) => void kept.set(each.key, each),
  update: async (key, change) => void kept.set(key, { ...kept.get(key), ...change }),
  delete: async (key) => void kept.delete(key),
};
let end;
const delivered = new Promise((resolve) => (end = resolve));
const receive = createWebhook({
  store,
  onEvent: async ({ event }) => {
    if (event.data.status !== 'placed') say({ told: event.data.status });
    if (event.data.status === 'delivered') end();
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
const call = async (name, args) => data(await tools[name].execute(args, options));
const order = await buy(call);
const subscription = await client.experimental_events.subscribe({
  name: 'order.status_changed',
  arguments: { order_id: order.order_id, ticket: order.ticket },
  // also what has happened before
  cursor: '0',
  delivery: {
    mode: 'webhook',
    url: `http://127.0.0.1:${port}/events`,
    allowInsecureLocalhost: true,
  },
});
follows(order);
await delivered;
await replay(call, order);
await client.experimental_events.unsubscribe({ id: subscription.id });
await client.close();
leave();

// The TypeScript SDK 2.x: no session, and subscriptions/listen.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Follower, buy, data, say } from './purchase.mjs';

const [address] = process.argv.slice(2);
const client = new Client(
  { name: 'typescript-2', version: '1' },
  { versionNegotiation: { mode: 'auto' } },
);
await client.connect(new StreamableHTTPClientTransport(new URL(address)));
const follower = new Follower((uri) => client.readResource({ uri }));
client.setNotificationHandler('notifications/resources/updated', ({ params }) =>
  follower.hear(params.uri),
);
const order = await buy(async (name, args) => data(await client.callTool({ name, arguments: args })));
const listening = await client.listen({ resourceSubscriptions: [order.uri] });
// what has happened before is not told again
follower.hear(order.uri);
await follower.delivered;
await listening.close();
const version = client.getNegotiatedProtocolVersion();
await client.close();
say({ number: order.order_id, told: follower.told, version });

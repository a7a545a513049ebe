// The TypeScript SDK 2.x: no session, and subscriptions/listen.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Follower, buy, data, follows, leave, replay, say } from './purchase.mjs';

const [address] = process.argv.slice(2);
const client = new Client(
  { name: 'typescript-2', version: '1' },
  { versionNegotiation: { mode: 'auto' } },
);
await client.connect(new StreamableHTTPClientTransport(new URL(address)));
say({ version: client.getNegotiatedProtocolVersion() });
const call = async (name, args) => data(await client.callTool({ name, arguments: args }));
const follower = new Follower((uri) => client.readResource({ uri }));
client.setNotificationHandler('notifications/resources/updated', ({ params }) =>
  follower.hear(params.uri),
);
const order = await buy(call);
const listening = await client.listen({ resourceSubscriptions: [order.uri] });
listening.closed.then((how) => how === 'local' || follower.fail(new Error(`closed: ${how}`)));
follows(order);
// what has happened before is not told again
follower.hear(order.uri);
await follower.delivered;
await replay(call, order);
await listening.close();
await client.close();
leave();

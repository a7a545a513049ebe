// The TypeScript SDK 1.x: a session, and resources/subscribe. With a second argument it speaks on
// a pipe to that proxy, which speaks HTTP.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Follower, buy, data, follows, leave, replay } from './purchase.mjs';

const [address, proxy] = process.argv.slice(2);
const client = new Client({ name: 'typescript-1', version: '1' });
await client.connect(
  proxy
    ? new StdioClientTransport({
        command: process.execPath,
        args: [proxy, address, '--allow-http', '--transport', 'http-only'],
        stderr: 'ignore',
      })
    : new StreamableHTTPClientTransport(new URL(address)),
);
const call = async (name, args) => data(await client.callTool({ name, arguments: args }));
const follower = new Follower((uri) => client.readResource({ uri }));
client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) =>
  follower.hear(params.uri),
);
const order = await buy(call);
await client.subscribeResource({ uri: order.uri });
follows(order);
// what has happened before is not told again
follower.hear(order.uri);
await follower.delivered;
await replay(call, order);
await client.close();
leave();

// The MCP Inspector's command line. Each call is a program of its own, which nothing but its
// arguments connects with the next, and which hears nothing: the order is looked at again and again.
import { execFile } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { buy, data, follows, leave, replay, say } from './purchase.mjs';

const [address, inspector, era] = process.argv.slice(2);
const run = promisify(execFile);

async function call(name, args) {
  const method = ['--quiet', '--protocol-era', era, '--method', 'tools/call'];
  const tool = ['--tool-name', name, '--tool-args-json', JSON.stringify(args)];
  const { stdout } = await run(process.execPath, [
    ...[inspector, '--cli', address, '--transport', 'http', '--connect-timeout', '60000'],
    ...[...method, ...tool],
  ]);
  return data(JSON.parse(stdout));
}

const order = await buy(call);
follows(order);
let status = 'placed';
while (status !== 'delivered') {
  const stand = await call('track_order', { order_id: order.order_id, ticket: order.ticket });
  if (stand.status === status) await wait(stand.next_poll_ms);
  else say({ told: (status = stand.status) });
}
await replay(call, order);
leave();

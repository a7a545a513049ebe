// The purchase that each client makes, what it is told of it, and what it asks for in the end.
// What a client has to say is one line of JSON at a time.
const BUYER = {
  email: 'maya@example.org',
  name: 'Maya Okafor',
  address: { line1: 'Museum Street 1', city: 'Helsinki', postal_code: '00130', country: 'FI' },
};

// `call(tool, arguments)` answers the tool's data
export async function buy(call) {
  const found = await call('search_products', { query: 'iPhone 15' });
  const basket = await call('add_to_basket', { sku: found.results[0].default_sku });
  const buyer = { ...BUYER, basket_token: basket.basket_token };
  const question = await call('place_order', buyer);
  return call('place_order', { ...buyer, confirm: question.confirm });
}

export function data(result) {
  if (result.isError) throw new Error(JSON.stringify(result));
  return result.structuredContent;
}

// Reads an order at each update, in turn, until it is delivered.
export class Follower {
  constructor(read) {
    this.read = read;
    this.status = 'placed';
    this.turn = Promise.resolve();
    this.delivered = new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
    });
  }

  hear(uri) {
    this.turn = this.turn.then(async () => {
      const order = JSON.parse((await this.read(uri)).contents[0].text);
      if (this.status !== order.status) say({ told: order.status });
      this.status = order.status;
      if (order.status === 'delivered') this.end();
    });
    this.turn.catch(this.fail);
  }
}

// From now on it hears all that comes.
export function follows(order) {
  say({ follows: order.order_id });
}

// What it may have missed: all that has happened to the order, and in which order.
export async function replay(call, order) {
  const topics = [`order.${order.order_id}`];
  const { events } = await call('replay_events', { after: '0', topics, ticket: order.ticket });
  say({ replayed: events.map((event) => [event.version, event.type]) });
}

export function say(line) {
  process.stdout.write(JSON.stringify(line) + '\n');
}

export function leave() {
  process.stdout.write('', () => process.exit(0));
}

// The purchase that each client makes, and the steps it is told of.
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
    this.told = [];
    this.turn = Promise.resolve();
    this.delivered = new Promise((resolve) => (this.end = resolve));
  }

  hear(uri) {
    this.turn = this.turn.then(async () => {
      const order = JSON.parse((await this.read(uri)).contents[0].text);
      if (this.told.at(-1) !== order.status) this.told.push(order.status);
      if (order.status === 'delivered') this.end();
    });
  }
}

export function say(found) {
  process.stdout.write(JSON.stringify(found) + '\n', () => process.exit(0));
}

// The TypeScript SDK 2.x with one tool, as its documentation serves it.
import { createServer } from 'node:http';
import { McpServer, createMcpHandler, fromJsonSchema } from '@modelcontextprotocol/server';
import { toNodeHandler } from '@modelcontextprotocol/node';

const inputSchema = fromJsonSchema({
  type: 'object',
  properties: { text: { type: 'string' } },
  required: ['text'],
});
const handler = createMcpHandler(
  () => {
    const server = new McpServer({ name: 'echo', version: '1' });
    server.registerTool('echo', { description: 'Echo', inputSchema }, async ({ text }) => ({
      content: [{ type: 'text', text }],
      structuredContent: { text },
    }));
    return server;
  },
  { responseMode: 'json' },
);
createServer(toNodeHandler(handler)).listen(Number(process.argv[2]), '127.0.0.1');

// MCPService: the assistant over a WebSocket, for front ends of one's own. It comes back by itself,
// up to five times, each time a second later than before; what was being answered is resumed.
//
//   const service = new MCPService("wss://shop.example/ws/assistant/");
//   await service.connect();
//   service.onMessage((frame) => …);          // steps, then {type: "response", message, data, metadata}
//   service.sendMessage("Do you have iPhone 15?", "user123", "en");

export class MCPService {
  maxReconnectAttempts = 5;
  reconnectDelay = 1000;

  constructor(url, { clientType = "web-admin", makeSocket = (address) => new WebSocket(address) } = {}) {
    this.url = url;
    this.clientType = clientType;
    this.makeSocket = makeSocket;
    this.handlers = new Set();
    this.reconnectAttempts = 0;
    // message id to the last position of its steps that has been heard
    this.open = new Map();
    this.conversationId = "";
  }

  connect() {
    this.isWanted = true;
    return new Promise((resolve, reject) => {
      this.socket = this.makeSocket(this.url);
      this.socket.onopen = () => {
        this.reconnectAttempts = 0;
        for (const [messageId, after] of this.open) this.send({ type: "resume", messageId, after });
        resolve();
      };
      this.socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
      this.socket.onerror = () => reject(new Error("The assistant cannot be reached."));
      this.socket.onclose = () => this.attemptReconnect();
    });
  }

  // `more`: {confirm, agree, details, key}
  sendMessage(message, userId, locale, more = {}) {
    this.send({
      type: "message",
      userId,
      message,
      clientType: this.clientType,
      locale,
      conversationId: this.conversationId,
      ...more,
    });
  }

  stop(messageId) {
    this.send({ type: "stop", messageId });
  }

  // returns how to stop listening
  onMessage(handler) {
    this.handlers.add(handler);
    return () => this.handlers.delete(handler);
  }

  disconnect() {
    this.isWanted = false;
    clearTimeout(this.timer);
    this.socket?.close();
    this.socket = null;
  }

  send(frame) {
    if (this.socket?.readyState !== 1) throw new Error("WebSocket is not connected");
    this.socket.send(JSON.stringify(frame));
  }

  hear(frame) {
    if (frame.type === "accepted") {
      this.conversationId = frame.conversationId;
      this.open.set(frame.messageId, 0);
    } else if (frame.position) {
      this.open.set(frame.data.message_id, frame.position);
    } else if (frame.type === "response") {
      this.open.delete(frame.metadata.message_id);
    }
    for (const handler of this.handlers) handler(frame);
  }

  attemptReconnect() {
    if (!this.isWanted) return;
    if (this.reconnectAttempts >= this.maxReconnectAttempts) {
      for (const handler of this.handlers) handler({ type: "disconnected" });
      return;
    }
    this.reconnectAttempts++;
    // a failure closes the socket, too, which is what tries again
    this.timer = setTimeout(() => this.connect().catch(() => {}), this.reconnectDelay * this.reconnectAttempts);
  }
}

// MCPWebSocketClient: the same with promises: `ask` gives the response of its own message.
export class MCPWebSocketClient {
  constructor({ url, userId = "", locale = "en", clientType = "web-admin", onStep = () => {}, ...rest }) {
    this.service = new MCPService(url, { clientType, ...rest });
    this.userId = userId;
    this.locale = locale;
    this.waiting = [];
    this.service.onMessage((frame) => {
      if (frame.type === "response") this.waiting.shift()?.resolve(frame);
      else if (frame.type === "refused") this.waiting.shift()?.reject(Object.assign(new Error(frame.message), frame));
      else if (frame.type === "disconnected") for (const each of this.waiting.splice(0)) each.reject(new Error("disconnected"));
      else if (frame.position) onStep(frame);
    });
  }

  connect() {
    return this.service.connect();
  }

  ask(message, more) {
    return new Promise((resolve, reject) => {
      try {
        this.service.sendMessage(message, this.userId, this.locale, more);
      } catch (problem) {
        reject(problem);
        return;
      }
      this.waiting.push({ resolve, reject });
    });
  }

  disconnect() {
    this.service.disconnect();
  }
}

// The WebSocket that a page has, and Node and Bun have built in, as a client of cases.js. For Node, Bun and pages.
// In a page it needs waiting.js before it.
//
// It always offers permessage-deflate where it knows it. What the standard does not have:
const kCannot = {
  fragmented:
    "The WebSocket API sends whole messages, and the user agent alone decides on frames: " +
    "WHATWG WebSockets Standard, The WebSocket interface, send(data).",
  ping:
    "The WebSocket API has no pings, “not currently exposed in the API”: " +
    "WHATWG WebSockets Standard, Ping and Pong frames.",
};

class ApiConnection {
  #messages;
  #pongs;

  constructor(socket, Queue) {
    this.socket = socket;
    this.#messages = new Queue();
    this.#pongs = new Queue();
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#messages.put(typeof data === "string" ? data : new Uint8Array(data));
    socket.addEventListener("pong", ({ data }) => this.#pongs.put(new TextDecoder().decode(data)));
    this.end = new Promise((resolve) => {
      socket.onclose = ({ code, reason }) => {
        this.#messages.fail(new Error(`closed with ${code}`));
        resolve({ code, reason });
      };
    });
  }

  send(payload) {
    this.socket.send(payload);
  }
  receive() {
    return this.#messages.take();
  }
  async ping(text) {
    this.socket.ping(text);
    const got = await this.#pongs.take();
    if (got !== text) throw new Error(`pong with ${got}`);
  }
  close(code, reason) {
    this.socket.close(code, reason);
  }
  closed() {
    return this.end;
  }
  isCompressed() {
    return this.socket.extensions.includes("permessage-deflate");
  }
}

// `Queue`: the class of waiting.js.
function websocketApi(Queue) {
  const pings = "ping" in WebSocket.prototype; // Bun's has them besides: bun.com/reference, WebSocketEventMap, pong
  return {
    cannot: pings ? { fragmented: kCannot.fragmented } : kCannot,
    connect: (url) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(url);
        const connection = new ApiConnection(socket, Queue);
        socket.onopen = () => resolve(connection);
        connection.closed().then(({ code }) => reject(new Error(`closed with ${code} before it was open`)));
      }),
  };
}

if (typeof module === "object") module.exports = { websocketApi };

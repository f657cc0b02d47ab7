// The WebSocket that a page has, and Node and Bun have built in, as a client of cases.js. For Node, Bun and pages.
// In a page it needs waiting.js before it.
//
// It always offers permessage-deflate where it knows it. What it cannot do is the same everywhere:
const kCannot = {
  fragmented:
    "The WebSocket API sends whole messages, and the user agent alone decides on frames: WHATWG WebSockets Standard, The WebSocket interface, send(data).",
  ping: "The WebSocket API has no pings, “not currently exposed in the API”: WHATWG WebSockets Standard, Ping and Pong frames.",
};

class ApiConnection {
  #messages;

  constructor(socket, messages) {
    this.socket = socket;
    this.#messages = messages;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#messages.put(typeof data === "string" ? data : new Uint8Array(data));
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
  return {
    cannot: kCannot,
    connect: (url) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(url);
        const connection = new ApiConnection(socket, new Queue());
        socket.onopen = () => resolve(connection);
        connection.closed().then(({ code }) => reject(new Error(`closed with ${code} before it was open`)));
      }),
  };
}

if (typeof module === "object") module.exports = { websocketApi };

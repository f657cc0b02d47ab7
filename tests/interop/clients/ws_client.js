// Node's ws through the cases. usage: node ws_client.js ADDRESS
const { readFileSync } = require("fs");
const { WebSocket } = require("ws");
const Cases = require("./cases.js");
const { Waiting } = require("./waiting.js");

class Connection {
  #messages = new Waiting();
  #pongs = new Waiting();

  constructor(socket) {
    this.socket = socket;
    socket.on("message", (data, isBinary) => this.#messages.put(isBinary ? new Uint8Array(data) : data.toString()));
    socket.on("pong", (data) => this.#pongs.put(data.toString()));
    socket.on("error", () => {}); // the close says what it was
    this.end = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        this.#messages.fail(new Error(`closed with ${code}`));
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  send(payload) {
    this.socket.send(payload);
  }
  sendFragments(parts) {
    parts.forEach((part, i) => this.socket.send(part, { fin: i + 1 === parts.length }));
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

const ca = readFileSync(process.env.INTEROP_CA);
const client = {
  cannot: {},
  connect: (url, compressed) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url, { ca, perMessageDeflate: compressed });
      socket.once("error", reject);
      socket.once("open", () => resolve(new Connection(socket)));
    }),
};

console.log(`client ws ${require("ws/package.json").version}, Node ${process.version}`);
Cases.run(client, process.argv[2], (line) => console.log(line)).then(() => process.exit(0));

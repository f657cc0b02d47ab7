// Peer: ws (npm). usage: node node_ws.js echo|fan PORT
// fan: a message goes to everyone connected by the same path.
const { WebSocketServer } = require("ws");

const [mode, port] = process.argv.slice(2);
const rooms = new Map();
const server = new WebSocketServer({
  port: Number(port),
  host: "127.0.0.1",
  perMessageDeflate: false,
  maxPayload: 64 << 20,
});
server.on("listening", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
server.on("connection", (socket, request) => {
  let receivers = [socket];
  socket.on("error", () => {});
  if (mode === "fan") {
    receivers = rooms.get(request.url) ?? new Set();
    rooms.set(request.url, receivers.add(socket));
    socket.on("close", () => receivers.delete(socket));
  }
  socket.on("message", (message, binary) => {
    for (const receiver of receivers) receiver.send(message, { binary });
  });
});

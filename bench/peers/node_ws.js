// Peer: ws (npm). usage: node node_ws.js echo|fan PORT
const { WebSocketServer } = require("ws");

const [mode, port] = process.argv.slice(2);
const server = new WebSocketServer({
  port: Number(port),
  host: "127.0.0.1",
  perMessageDeflate: false,
  maxPayload: 64 << 20,
});
server.on("listening", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
server.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (message, binary) => {
    const receivers = mode === "fan" ? server.clients : [socket];
    for (const receiver of receivers) receiver.send(message, { binary });
  });
});

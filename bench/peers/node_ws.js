// Peer: ws (npm). usage: node node_ws.js echo|fan PORT [plain|deflate] [CERTIFICATE KEY]
// fan: a message goes to everyone connected by the same path. deflate: of what has 256 bytes and more, nothing kept from
// one message to the next.
const fs = require("fs");
const http = require("http");
const https = require("https");
const { WebSocketServer } = require("ws");

const [mode, port, format = "plain", certificate, key] = process.argv.slice(2);
const rooms = new Map();
const listener = certificate
  ? https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) })
  : http.createServer();
const server = new WebSocketServer({
  server: listener,
  perMessageDeflate: format === "deflate" && {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    threshold: 256,
  },
  maxPayload: 64 << 20,
});
listener.listen(Number(port), "127.0.0.1", () => console.log(`listening on 127.0.0.1:${listener.address().port}`));
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

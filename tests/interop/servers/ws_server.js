// Node's ws as a server (README.md says what such a program does). usage: node ws_server.js
const fs = require("fs");
const http = require("http");
const https = require("https");
const { WebSocketServer } = require("ws");

const kFragmentSize = 7;

function echoInFragments(socket, message, binary) {
  socket.send(message.subarray(0, kFragmentSize), { binary, fin: false });
  socket.send("", { binary, fin: false });
  socket.send(message.subarray(kFragmentSize), { binary, fin: true });
}

function closeAsTold(socket, message) {
  const [code, ...reason] = message.toString().split(" ");
  socket.close(Number(code), reason.join(" "));
}

const { INTEROP_CERTIFICATE, INTEROP_KEY } = process.env;
const server = INTEROP_CERTIFICATE
  ? https.createServer({ cert: fs.readFileSync(INTEROP_CERTIFICATE), key: fs.readFileSync(INTEROP_KEY) })
  : http.createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 0 }, maxPayload: 16 << 20 });
sockets.on("connection", (socket, request) => {
  socket.on("error", (error) => console.error(error));
  socket.on("close", (code, reason) => console.log(`closed ${code} ${reason}`));
  socket.on("message", (message, binary) => {
    if (request.url === "/close") closeAsTold(socket, message);
    else if (request.url === "/fragments") echoInFragments(socket, message, binary);
    else socket.send(message, { binary });
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(`server ws ${require("ws/package.json").version}, Node ${process.version}`);
  console.log(`listening ${server.address().port}`);
});

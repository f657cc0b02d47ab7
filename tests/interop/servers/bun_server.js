// Bun.serve as a server (README.md says what such a program does). usage: bun bun_server.js
const { INTEROP_CERTIFICATE, INTEROP_KEY } = process.env;

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  tls: INTEROP_CERTIFICATE ? { cert: Bun.file(INTEROP_CERTIFICATE), key: Bun.file(INTEROP_KEY) } : undefined,
  fetch(request, server) {
    const data = { path: new URL(request.url).pathname };
    return server.upgrade(request, { data }) ? undefined : new Response("no upgrade", { status: 400 });
  },
  websocket: {
    maxPayloadLength: 16 << 20,
    perMessageDeflate: true,
    message(socket, message) {
      if (socket.data.path === "/close") {
        const [code, ...reason] = message.split(" ");
        socket.close(Number(code), reason.join(" "));
      } else {
        socket.send(message, true); // compressed, where that was agreed on
      }
    },
    close(socket, code, reason) {
      console.log(`closed ${code} ${reason}`);
    },
  },
});
console.log(`server Bun ${Bun.version}`);
console.log(
  "cannot fragmented: Bun's ServerWebSocket sends whole messages alone: " +
    "Bun's reference, ServerWebSocket, send, sendText and sendBinary.",
);
console.log(`listening ${server.port}`);

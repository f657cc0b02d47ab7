// Peer: Bun.serve (npm bun). usage: bun bun.js echo|fan PORT [plain|deflate] [CERTIFICATE KEY]
// fan: a message goes to everyone connected by the same path. deflate: with Bun's usual setting, one compressor that
// all connections share, which keeps nothing from one message to the next.
const [mode, port, format = "plain", certificate, key] = process.argv.slice(2);
const compress = format === "deflate";

const server = Bun.serve({
  port: Number(port),
  hostname: "127.0.0.1",
  tls: certificate ? { cert: Bun.file(certificate), key: Bun.file(key) } : undefined,
  fetch(request, server) {
    const data = { room: new URL(request.url).pathname };
    return server.upgrade(request, { data }) ? undefined : new Response("no upgrade", { status: 400 });
  },
  websocket: {
    maxPayloadLength: 64 << 20,
    perMessageDeflate: compress,
    open(socket) {
      if (mode === "fan") socket.subscribe(socket.data.room);
    },
    message(socket, message) {
      if (mode === "fan") socket.publish(socket.data.room, message, compress);
      socket.send(message, compress);
    },
  },
});
console.log(`listening on 127.0.0.1:${server.port}`);

// Peer: Bun.serve (npm bun). usage: bun bun.js echo|fan PORT
const [mode, port] = process.argv.slice(2);
const room = "everyone";

const server = Bun.serve({
  port: Number(port),
  hostname: "127.0.0.1",
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response("no upgrade", { status: 400 });
  },
  websocket: {
    maxPayloadLength: 64 << 20,
    perMessageDeflate: false,
    open(socket) {
      if (mode === "fan") socket.subscribe(room);
    },
    message(socket, message) {
      if (mode === "fan") socket.publish(room, message);
      socket.send(message);
    },
  },
});
console.log(`listening on 127.0.0.1:${server.port}`);

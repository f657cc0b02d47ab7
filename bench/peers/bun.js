// Peer: Bun.serve (npm bun). usage: bun bun.js echo|fan PORT
// fan: a message goes to everyone connected by the same path.
const [mode, port] = process.argv.slice(2);

const server = Bun.serve({
  port: Number(port),
  hostname: "127.0.0.1",
  fetch(request, server) {
    const data = { room: new URL(request.url).pathname };
    return server.upgrade(request, { data }) ? undefined : new Response("no upgrade", { status: 400 });
  },
  websocket: {
    maxPayloadLength: 64 << 20,
    perMessageDeflate: false,
    open(socket) {
      if (mode === "fan") socket.subscribe(socket.data.room);
    },
    message(socket, message) {
      if (mode === "fan") socket.publish(socket.data.room, message);
      socket.send(message);
    },
  },
});
console.log(`listening on 127.0.0.1:${server.port}`);

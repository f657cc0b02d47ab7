// Node's ws through the cases: one line for each, "pass NAME" or "FAIL NAME: reason".
// usage: node node_client.js PORT. Prints "stop" when the server has to be told to stop, for the last case.
const { WebSocket } = require("ws");
const cases = require("./cases.json");

const kTimeoutMs = 30000;
const url = `ws://127.0.0.1:${process.argv[2]}/ws/echo`;

function load(test) {
  if (test.text !== undefined) return test.text;
  const bytes = Buffer.alloc(test.size);
  const isText = test.type === "text";
  for (let i = 0; i < test.size; ++i) bytes[i] = isText ? 97 + (i % 26) : (i * 7 + (i >> 8)) & 255;
  return isText ? bytes.toString() : bytes;
}

function connect() {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.once("open", () => resolve(socket));
    socket.once("error", reject);
  });
}

function next(socket, event) {
  return new Promise((resolve, reject) => {
    socket.once(event, (...values) => resolve(values));
    if (event !== "close") socket.once("close", (code) => reject(new Error(`closed with ${code}`)));
  });
}

function expect(condition, text) {
  if (!condition) throw new Error(text);
}

async function expectEcho(socket, payload) {
  const echo = next(socket, "message");
  socket.send(payload);
  const [data, isBinary] = await echo;
  expect(isBinary === (typeof payload !== "string"), "the echo has the other type");
  expect(data.equals(Buffer.from(payload)), "the echo differs");
}

async function echo(test) {
  const socket = await connect();
  await expectEcho(socket, load(test));
  socket.terminate();
}

async function fragmented() {
  const socket = await connect();
  const message = next(socket, "message");
  for (const part of ["in ", "", "four"]) socket.send(part, { fin: false });
  socket.send(" parts 🌫️", { fin: true });
  const [data, isBinary] = await message;
  expect(!isBinary && data.toString() === "in four parts 🌫️", "the echo differs");
  socket.terminate();
}

async function ping() {
  const socket = await connect();
  const pong = next(socket, "pong");
  socket.ping("are you there?");
  const [data] = await pong;
  expect(data.toString() === "are you there?", `pong with ${data}`);
  await expectEcho(socket, "after the ping");
  socket.terminate();
}

async function refused(test) {
  const socket = await connect();
  const closed = next(socket, "close");
  socket.on("error", () => {});
  socket.send(load(test));
  const [code] = await closed;
  expect(code === test.code, `closed with ${code}`);
}

async function close(test) {
  const socket = await connect();
  const closed = next(socket, "close");
  socket.close(test.code, test.reason);
  const [code, reason] = await closed;
  expect(code === test.code && ["", test.reason].includes(reason.toString()), `closed with ${code} ${reason}`);
}

async function stopped() {
  const socket = await connect();
  await expectEcho(socket, "before");
  const closed = next(socket, "close");
  console.log("stop");
  const [code] = await closed;
  expect(code === 1001, `closed with ${code}`);
}

async function run(name, action) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), kTimeoutMs);
  });
  try {
    await Promise.race([action(), late]);
    console.log(`pass ${name}`);
  } catch (error) {
    console.log(`FAIL ${name}: ${error.message}`);
  }
  clearTimeout(timer);
}

async function main() {
  console.log(`client ws ${require("ws/package.json").version}, Node ${process.version}`);
  for (const test of cases.echo) await run(test.name, () => echo(test));
  await run("four fragments", fragmented);
  await run("ping is answered", ping);
  for (const test of cases.refused) await run(test.name, () => refused(test));
  for (const test of cases.close) await run(test.name, () => close(test));
  await run("server stops with 1001", stopped);
  process.exit(0);
}

main();

// Headless Chromium through the cases: one line for each, "pass NAME" or "FAIL NAME: reason". The sockets are opened by
// a page that the server under test serves. A browser can neither fragment nor ping.
// usage: node chromium_client.js PORT. Prints "stop" when the server has to be told to stop, for the last case.
const { launch } = require("./chromium.js");
const cases = require("./cases.json");

const kTimeoutMs = 30000;
const origin = `http://127.0.0.1:${process.argv[2]}`;

// Runs in the page, so it may use nothing from outside.
function install(timeoutMs) {
  const load = (test) => {
    if (test.text !== undefined) return test.text;
    const bytes = new Uint8Array(test.size);
    const isText = test.type === "text";
    for (let i = 0; i < test.size; ++i) bytes[i] = isText ? 97 + (i % 26) : (i * 7 + (i >> 8)) & 255;
    return isText ? new TextDecoder().decode(bytes) : bytes;
  };
  const open = () =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://${location.host}/ws/echo`);
      socket.binaryType = "arraybuffer";
      socket.onopen = () => resolve(socket);
      socket.onclose = (event) => reject(new Error(`closed with ${event.code} before it was open`));
    });
  const closing = (socket) => new Promise((resolve) => (socket.onclose = resolve));
  const late = () => new Promise((_, reject) => setTimeout(() => reject(new Error("no answer in time")), timeoutMs));
  const expect = (condition, text) => {
    if (!condition) throw new Error(text);
  };
  const expectEcho = async (socket, payload) => {
    const echo = new Promise((resolve, reject) => {
      socket.onmessage = (event) => resolve(event.data);
      socket.onclose = (event) => reject(new Error(`closed with ${event.code}`));
    });
    socket.send(payload);
    const data = await echo;
    if (typeof payload === "string") return expect(data === payload, "the echo differs");
    const bytes = new Uint8Array(data);
    expect(data instanceof ArrayBuffer, "the echo has the other type");
    expect(bytes.length === payload.length && bytes.every((byte, i) => byte === payload[i]), "the echo differs");
  };
  const actions = {
    async echo(test) {
      const socket = await open();
      await expectEcho(socket, load(test));
      socket.close();
    },
    async refused(test) {
      const socket = await open();
      const closed = closing(socket);
      socket.send(load(test));
      const { code } = await closed;
      expect(code === test.code, `closed with ${code}`);
    },
    async close(test) {
      const socket = await open();
      const closed = closing(socket);
      socket.close(test.code, test.reason);
      const { code, reason, wasClean } = await closed;
      expect(wasClean && code === test.code && ["", test.reason].includes(reason), `closed with ${code} ${reason}`);
    },
    async stopped() {
      const socket = await open();
      await expectEcho(socket, "before");
      const closed = closing(socket);
      console.log("stop");
      const { code } = await closed;
      expect(code === 1001, `closed with ${code}`);
    },
  };
  window.runCase = (action, test) =>
    Promise.race([actions[action](test), late()]).then(
      () => "",
      (error) => error.message,
    );
}

async function main() {
  const browser = await launch();
  console.log(`client Chromium ${browser.version()}`);
  const page = await browser.newPage();
  page.on("console", (message) => message.text() === "stop" && console.log("stop"));
  await page.goto(origin + "/", { waitUntil: "domcontentloaded" });
  await page.evaluate(install, kTimeoutMs);
  const run = async (action, name, test) => {
    const failure = await page.evaluate(([action, test]) => window.runCase(action, test), [action, test]);
    console.log(failure ? `FAIL ${name}: ${failure}` : `pass ${name}`);
  };
  for (const action of ["echo", "refused", "close"]) {
    for (const test of cases[action]) await run(action, test.name, test);
  }
  await run("stopped", "server stops with 1001", null);
  await browser.close();
}

main().catch((error) => {
  console.log(`FAIL Chromium: ${error.message.split("\n")[0]}`);
  process.exit(1);
});

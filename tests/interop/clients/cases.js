// The cases (../frame/cases.py) for a client in JavaScript, which brings how it connects. For Node, Bun and pages.
//
// The client: connect(url, compressed) -> Promise of a connection (`compressed`: permessage-deflate is offered, where
// the client has a choice), and `cannot`: cases it cannot do, each with the reason. A connection has
//   send(payload)          a string or Uint8Array
//   sendFragments(parts)   one message, a fragment for each part
//   receive()              -> Promise of a string or Uint8Array
//   ping(text)             -> Promise that is fulfilled once the pong with this payload is there
//   close(code, reason)
//   closed()               -> Promise of { code, reason }, once the connection is closed
//   isCompressed()
const Cases = (() => {
  const kTimeoutMs = 30000;
  const kLimitBytes = 1 << 20;
  const kText = "Grüße, 世界 🌫️👋🏽 and one more: 👩‍👩‍👧‍👦";
  const kReason = "bis später 👋";

  const letters = (size) => "abcdefghijklmnopqrstuvwxyz".repeat(size / 26 + 1).slice(0, size);
  const bytes = (size) => Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 255);

  // The same each time, and not to be compressed.
  function noise(size) {
    let state = 7;
    return Uint8Array.from({ length: size }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    });
  }

  function joined(parts) {
    if (typeof parts[0] === "string") return parts.join("");
    return Uint8Array.from(parts.flatMap((part) => [...part]));
  }

  function expect(condition, text) {
    if (!condition) throw new Error(text);
  }

  async function expectMessage(connection, payload) {
    const got = await connection.receive();
    expect(typeof got === typeof payload, `a ${typeof got} came back`);
    const same =
      typeof got === "string"
        ? got === payload
        : got.length === payload.length && got.every((byte, i) => byte === payload[i]);
    expect(same, `the echo differs: ${got.length} for ${payload.length}`);
  }

  async function expectEcho(connection, payload) {
    connection.send(payload);
    await expectMessage(connection, payload);
  }

  async function close(connection, code, reason) {
    connection.close(code, reason);
    const got = await connection.closed();
    expect(got.code === code && ["", reason].includes(got.reason), `closed with ${got.code} ${got.reason}`);
  }

  // `say` takes the lines for the runner.
  function casesOf(client, address, say) {
    const connect = (path = "/ws/echo", compressed = false) => client.connect(address + path, compressed);
    async function echoes(...payloads) {
      const connection = await connect();
      for (const payload of payloads) await expectEcho(connection, payload);
      await close(connection, 1000, "");
    }
    return {
      text: () => echoes(kText),
      binary: () => echoes(bytes(70000)),
      empty: () => echoes("", bytes(0)),
      async fragmented() {
        const connection = await connect();
        for (const parts of [
          ["in ", "", "four", " parts 🌫️"],
          [bytes(2), bytes(0), bytes(3000), bytes(1)],
        ]) {
          connection.sendFragments(parts);
          await expectMessage(connection, joined(parts));
        }
        await close(connection, 1000, "");
      },
      "1 MiB": () => echoes(letters(kLimitBytes), bytes(kLimitBytes)),
      async compressed() {
        const connection = await connect("/ws/echo", true);
        expect(connection.isCompressed(), "permessage-deflate was not agreed on");
        for (let number = 0; number < 4; ++number) {
          await expectEcho(connection, `number ${number} of messages that are alike, `.repeat(500));
        }
        for (const payload of ["", bytes(0), "short", noise(70000), letters(kLimitBytes)]) {
          await expectEcho(connection, payload);
        }
        await close(connection, 1000, "");
      },
      async ping() {
        const connection = await connect();
        await connection.ping("are you there?");
        await expectEcho(connection, "after the ping");
        await close(connection, 1000, "");
      },
      "close 1000": async () => close(await connect(), 1000, "done, thank you"),
      "close 3000": async () => close(await connect(), 3000, kReason),
      async "closed 4001"() {
        const connection = await connect("/ws/close");
        connection.send(`4001 ${kReason}`);
        const { code, reason } = await connection.closed();
        expect(code === 4001 && reason === kReason, `closed with ${code} ${reason}`);
      },
      async "closed 1009"() {
        for (const payload of [letters(kLimitBytes + 1), bytes(kLimitBytes + 1)]) {
          const connection = await connect();
          connection.send(payload);
          const { code } = await connection.closed();
          expect(code === 1009, `closed with ${code}`);
        }
      },
      async "closed 1001"() {
        const connection = await connect();
        await expectEcho(connection, "before");
        say("stop");
        const { code } = await connection.closed();
        expect(code === 1001, `closed with ${code}`);
      },
    };
  }

  async function run(client, address, say) {
    for (const [name, action] of Object.entries(casesOf(client, address, say))) {
      if (client.cannot[name]) {
        say(`cannot ${name}: ${client.cannot[name]}`);
        continue;
      }
      let timer;
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error("no answer in time")), kTimeoutMs);
      });
      try {
        await Promise.race([action(), late]);
        say(`pass ${name}`);
      } catch (error) {
        say(`FAIL ${name}: ${error.message.replaceAll("\n", " ")}`);
      }
      clearTimeout(timer);
    }
  }

  return { run };
})();

if (typeof module === "object") module.exports = Cases;

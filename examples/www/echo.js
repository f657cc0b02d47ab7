"use strict";
// The echo page: what goes to /ws/echo comes back, and how long it took.

const kRows = 200;               // messages shown; older ones go
const kShownCharacters = 2000;   // of one message
const kBars = 60;

let waiting = [];  // what was sent and is not back yet, oldest first: {start, settle(data)}
let burstRunning = false;

const live = new LiveSocket("/ws/echo", {
  message(data) {
    const end = performance.now();
    const first = waiting.shift();
    if (first) first.settle(data, end - first.start);
    else note("The server sent a message of its own.");
  },
  closed(event, wasOpen) {
    if (wasOpen) note(`Connection closed with ${event.code}${event.reason ? ": " + event.reason : ""}.`);
    for (const lost of waiting.splice(0)) lost.settle(null, 0);
  },
  state(state) {
    const ready = state === "open";
    byId("send").disabled = !ready;
    byId("file").disabled = !ready;
    byId("file-label").classList.toggle("off", !ready);
    byId("start").disabled = !ready || burstRunning;
  },
});

// Sends, and resolves to {data, ms} of the echo; data is null when the connection ended first.
function roundTrip(data) {
  return new Promise((resolve) => {
    waiting.push({ start: performance.now(), settle: (echo, ms) => resolve({ data: echo, ms }) });
    live.send(data);
  });
}

// ---- messages

function addRow(kind, text) {
  const log = byId("log");
  const row = document.createElement("li");
  row.className = kind;
  const body = document.createElement("span");
  body.className = "text";
  body.textContent = text.length > kShownCharacters ? text.slice(0, kShownCharacters) + " …" : text;
  const time = document.createElement("span");
  time.className = "time";
  row.append(body, time);
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(row);
  while (log.children.length > kRows) log.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
  return { row, time };
}

function note(text) {
  addRow("note", text);
}

function milliseconds(ms) {
  return ms < 10 ? ms.toFixed(2) + " ms" : ms.toFixed(1) + " ms";
}

function same(sent, echo) {
  if (typeof sent === "string" || typeof echo === "string") return sent === echo;
  const a = new Uint8Array(sent), b = new Uint8Array(echo);
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

async function sendAndShow(kind, label, data) {
  const { row, time } = addRow(kind, label);
  time.textContent = "…";
  const echo = await roundTrip(data);
  const result = echo.data === null ? "lost" : same(data, echo.data) ? "echoed" : "differs";
  row.classList.add(result);
  time.textContent = result === "echoed" ? milliseconds(echo.ms) : result === "lost" ? "no answer" : "not the same";
}

byId("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = byId("text");
  if (!live.isOpen) return;
  sendAndShow("own", field.value === "" ? "(empty text)" : field.value, field.value);
  field.value = "";
  field.focus();
});

byId("file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (!file) return;
  const bytes = await file.arrayBuffer();
  if (!live.isOpen) return note(`${file.name} was not sent: not connected.`);
  sendAndShow("own binary", `${file.name}, ${bytes.byteLength.toLocaleString("en")} bytes`, bytes);
});


// ---- ping burst: one message in flight at a time

async function burst(count) {
  const times = [];
  const begin = performance.now();
  for (let i = 0; i < count; ++i) {
    const echo = await roundTrip("ping " + i);
    if (echo.data === null) return null;
    times.push(echo.ms);
  }
  const seconds = (performance.now() - begin) / 1000;
  times.sort((a, b) => a - b);
  const at = (fraction) => times[Math.min(times.length - 1, Math.floor(fraction * times.length))];
  return { times, median: at(0.5), p99: at(0.99), fastest: times[0], rate: count / seconds };
}

function plot(times, top) {
  const bars = [];
  for (let i = 0; i < kBars; ++i) {
    const time = times[Math.floor((i + 0.5) / kBars * times.length)];
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = Math.max(0.4, Math.min(1, time / top) * 16);
    for (const [name, value] of Object.entries({ x: i + 0.1, y: 16 - height, width: 0.8, height })) bar.setAttribute(name, value);
    bars.push(bar);
  }
  byId("plot").replaceChildren(...bars);
  byId("plot").removeAttribute("hidden");
}

byId("burst-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const count = byId("count").valueAsNumber;
  if (!live.isOpen || burstRunning || !(count >= 1)) return;
  burstRunning = true;
  byId("start").disabled = true;
  byId("start").textContent = "Running";
  const result = await burst(count);
  burstRunning = false;
  byId("start").textContent = "Start";
  byId("start").disabled = !live.isOpen;
  if (!result) return note("The ping burst ended with the connection.");
  byId("figures").hidden = false;
  byId("median").textContent = milliseconds(result.median);
  byId("p99").textContent = milliseconds(result.p99);
  byId("fastest").textContent = milliseconds(result.fastest);
  byId("rate").textContent = Math.round(result.rate).toLocaleString("en");
  byId("burst-said").textContent = `${count} round trips: median ${milliseconds(result.median)}, p99 ${milliseconds(result.p99)}.`;
  plot(result.times, result.p99 || 1);
});

byId("address").textContent = live.url;
live.connect();

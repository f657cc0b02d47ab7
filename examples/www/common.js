"use strict";
// What all pages share: the theme, a WebSocket that comes back, and small helpers.
// Loaded in the head, so that a chosen theme holds before the first paint.

const byId = (id) => document.getElementById(id);

// ---- theme: the system's until the reader chooses; the choice is kept in this browser

const kThemes = ["system", "light", "dark"];

function storedTheme() {
  try {
    const theme = localStorage.getItem("brume-theme");
    return kThemes.includes(theme) ? theme : "system";
  } catch {
    return "system";  // storage is forbidden here
  }
}

function applyTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const button = byId("theme");
  if (!button) return;
  button.title = `Theme: ${theme}`;
  button.setAttribute("aria-label", `Theme: ${theme}. Change`);
}

applyTheme(storedTheme());
addEventListener("DOMContentLoaded", () => {
  applyTheme(storedTheme());
  byId("theme").addEventListener("click", () => {
    const theme = kThemes[(kThemes.indexOf(storedTheme()) + 1) % kThemes.length];
    try {
      localStorage.setItem("brume-theme", theme);
    } catch {
      return;
    }
    applyTheme(theme);
  });
});

// ---- elements: text goes in as text, never as markup

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// ---- time, in the reader's zone and way of writing it

const kClock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const kDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const kWhole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

function timeElement(date) {
  const time = element("time", "", kClock.format(date));
  time.dateTime = date.toISOString();
  time.title = kWhole.format(date);
  return time;
}

// ---- a WebSocket that comes back

const kFirstDelayMs = 400;
const kLongestDelayMs = 15000;
const kStableMs = 3000;  // a connection that lived this long starts the delays anew

// handlers: opened(), message(data), closed(event, wasOpen) -> false where it shall stay closed. Shows its state in
// #state and #state-text, and the button #now while it waits.
class LiveSocket {
  constructor(path, handlers) {
    this.url = (location.protocol === "https:" ? "wss://" : "ws://") + location.host + path;
    this.handlers = handlers;
    this.socket = null;
    this.failures = 0;
    this.openedAt = 0;
    this.timer = 0;
    byId("now").addEventListener("click", () => this.connectNow());
    addEventListener("online", () => this.waiting && this.connectNow());
    document.addEventListener("visibilitychange", () => !document.hidden && this.waiting && this.connectNow());
  }

  get isOpen() {
    return this.openedAt !== 0;
  }
  get waiting() {
    return this.timer !== 0;
  }

  connectNow() {
    this.failures = 0;
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.socket) return;
    byId("now").hidden = true;
    this.show("connecting", "Connecting");
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.openedAt = performance.now();
      this.show("open", "Connected");
      this.handlers.opened?.();
    };
    socket.onmessage = (event) => this.handlers.message(event.data);
    socket.onclose = (event) => this.ended(event);
  }

  // False where there is no connection.
  send(data) {
    if (!this.isOpen || this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(data);
    return true;
  }

  ended(event) {
    const wasOpen = this.isOpen;
    if (wasOpen && performance.now() - this.openedAt > kStableMs) this.failures = 0;
    this.openedAt = 0;
    this.socket = null;
    if (this.handlers.closed?.(event, wasOpen) === false) return this.show("ended", "Not connected");
    // Most of the delay is left to chance: clients that lost the same server do not come back in step.
    const ceiling = Math.min(kLongestDelayMs, kFirstDelayMs * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, 10);
    const delay = ceiling / 4 + (Math.random() * ceiling * 3) / 4;
    this.timer = setTimeout(() => this.connect(), delay);
    byId("now").hidden = false;
    this.show("closed", `Offline, retry in ${(delay / 1000).toFixed(1)} s`);
  }

  show(state, text) {
    byId("state").dataset.state = state;
    byId("state-text").textContent = text;
    document.documentElement.dataset.connection = state;
    this.handlers.state?.(state);
  }
}

"use strict";
// The notifications of one user, over /ws/notifications/ID; the form posts to /api/notify.

const kItems = 200;      // shown; older ones go
const kToasts = 3;       // at once
const kToastMs = 6000;
const kReplaced = 4000;  // the close code of a connection whose user has a newer one

const kNoUser = /[/\\]|^\.{1,2}$/;  // what cannot stand in a route's path

const user = new URLSearchParams(location.search).get("user") ?? "";
let live = null;

// ---- the list

function isUnread(item) {
  return item.classList.contains("unread");
}

function showUnread() {
  const count = document.querySelectorAll("#list .item.unread").length;
  const badge = byId("unread");
  badge.hidden = count === 0;
  badge.textContent = count > 99 ? "99+" : String(count);
  badge.setAttribute("aria-label", `${count} unread`);
  byId("read-all").disabled = count === 0;
  document.title = count > 0 ? `(${count}) brume notifications` : "brume notifications";
}

function markRead(item) {
  if (!isUnread(item)) return;
  // The button goes, the focus stays near.
  if (item.contains(document.activeElement)) byId("list").focus();
  item.classList.remove("unread");
  item.querySelector("button")?.remove();
  showUnread();
}

function addItem({ type, message, time }, unread) {
  const date = new Date(time);
  const item = element("div", unread ? "item unread" : "item");
  item.dataset.kind = type;
  const meta = element("div", "meta");
  meta.append(element("b", "", type), " · ", timeElement(Number.isNaN(date.getTime()) ? new Date() : date));
  item.append(element("div", "text", message), meta);
  if (unread) {
    const button = element("button", "quiet small", "Mark as read");
    button.type = "button";
    button.addEventListener("click", () => markRead(item));
    item.append(button);
  }
  const list = byId("list");
  list.prepend(item);
  while (list.children.length > kItems) list.lastElementChild.remove();
  showUnread();
  return item;
}

// ---- toasts: the list is the live region that is read out, so these are not

function addToast({ type, message }, item) {
  const toast = element("div", "toast");
  toast.dataset.kind = type;
  toast.setAttribute("role", "group");
  toast.setAttribute("aria-label", "New notification");
  const close = element("button", "quiet", "×");
  close.type = "button";
  close.setAttribute("aria-label", "Dismiss and mark as read");
  toast.append(element("div", "text", message), close);
  let timer = 0;
  const wait = () => (timer = setTimeout(() => toast.remove(), kToastMs));
  const hold = () => clearTimeout(timer);
  for (const event of ["pointerenter", "focusin"]) toast.addEventListener(event, hold);
  for (const event of ["pointerleave", "focusout"]) toast.addEventListener(event, wait);
  close.addEventListener("click", () => {
    hold();
    toast.remove();
    markRead(item);
  });
  const toasts = byId("toasts");
  toasts.append(toast);
  while (toasts.children.length > kToasts) toasts.firstElementChild.remove();
  wait();
}

// ---- the connection

function receive(notification) {
  if (notification.type === "welcome") return addItem(notification, false);
  addToast(notification, addItem(notification, true));
}

function open() {
  live = new LiveSocket(`/ws/notifications/${encodeURIComponent(user)}`, {
    message(data) {
      if (typeof data === "string") receive(JSON.parse(data));
    },
    closed(event) {
      if (event.code !== kReplaced) return true;
      // The other one would be replaced in turn, and so on for ever: the reader says which one it is to be.
      byId("replaced").hidden = false;
      return false;
    },
  });
  live.connect();
}

// ---- the forms

async function send(event) {
  event.preventDefault();
  const body = { type: byId("type").value, message: byId("message").value };
  const to = byId("to").value.trim();
  if (to !== "") body.user_id = to;
  byId("submit").disabled = true;
  const said = byId("sent");
  said.textContent = "";
  try {
    const answer = await fetch("/api/notify", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const result = await answer.json();
    said.classList.toggle("bad", !result.success);
    if (!result.success) said.textContent = result.error;
    else if (result.sent_to === 0) said.textContent = to === "" ? "Nobody is connected." : `${to} is not connected.`;
    else said.textContent = result.sent_to === 1 ? "Delivered to 1 connection." : `Delivered to ${result.sent_to} connections.`;
    if (result.success) byId("message").value = "";
  } catch {
    said.classList.add("bad");
    said.textContent = "The server could not be reached.";
  }
  byId("submit").disabled = false;
}

byId("user").addEventListener("input", (event) => {
  event.target.setCustomValidity(kNoUser.test(event.target.value) ? "A user's id has no slash in it." : "");
});
byId("send").addEventListener("submit", send);
byId("message").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId("send").requestSubmit();
});
byId("read-all").addEventListener("click", () => {
  for (const item of document.querySelectorAll("#list .item.unread")) markRead(item);
  byId("toasts").replaceChildren();
  byId("list").focus();
});
byId("use-here").addEventListener("click", () => {
  byId("replaced").hidden = true;
  live.connectNow();
});

byId("user").value = user;
if (user === "" || kNoUser.test(user)) {
  byId("whose").textContent = user === "" ? "Say who you are to receive notifications" : "A user's id has no slash in it";
  byId("user").focus();
} else {
  byId("whose").textContent = `for ${user}`;
  byId("switch").textContent = "Switch";
  byId("to").value = user;
  open();
}

"use strict";
// The chat page's side of the protocol: JSON {type, sender, room, content, timestamp} over /ws/chat.

const kPeopleShown = 200;
const kRefreshMs = 2000;  // between two questions who is there, at least
const kPollMs = 8000;     // at most, while somebody looks: rooms that others make are told to nobody else
const kJoinMs = 8000;     // without an answer to a join

let me = "";                  // this connection's id
const mine = new Set();       // ids this page had: its earlier messages stay its own
const joining = new Map();    // rooms asked for, and the timer that gives up
let refreshTimer = 0;
let refreshAt = 0;            // when it is due
let refreshedAt = -Infinity;
let lost = false;             // the loss of the connection has been told

const tabs = new RoomTabs(byId("tabs"), byId("panels"), showRoom);

const live = new LiveSocket("/ws/chat", {
  message(data) {
    if (typeof data === "string") receive(JSON.parse(data));
  },
  closed(event, wasOpen) {
    for (const name of [...joining.keys()]) endJoining(name);
    if (!wasOpen || lost) return;
    lost = true;
    const reason = event.reason ? `: ${event.reason}` : "";
    tabs.current.addNote(`Connection lost${reason}. It comes back by itself.`, new Date(), true);
  },
  state(state) {
    byId("send").disabled = state !== "open";
    byId("join-button").disabled = state !== "open";
  },
});

// ---- what comes

function receive(message) {
  const date = new Date(message.timestamp * 1000);
  if (message.type === "welcome") return welcome(message.content);
  if (message.type === "chat") return said(tabs.get(kEveryone), message, date);
  if (message.type === "room") return tabs.get(message.room) && said(tabs.get(message.room), message, date);
  if (message.type === "system") notice(message, date);
}

function welcome(id) {
  me = id;
  mine.add(id);
  if (lost) tabs.current.addNote("Connected again.", new Date());
  lost = false;
  for (const name of tabs.views.keys())
    if (name !== kEveryone) sendMessage({ type: "join", room: name });
  refreshSoon();
}

function said(view, message, date) {
  const own = mine.has(message.sender);
  const inSight = view.addMessage(message.sender, own, message.content, date);
  if (own && view === tabs.current) view.scrollToEnd();
  else if (view === tabs.current && !inSight) byId("jump").hidden = false;
  if (!own && (view !== tabs.current || document.hidden)) view.setUnread(view.unread + 1);
  showTitle();
}

// The server's notices: who came and went, or what it did not do and why.
function notice(message, date) {
  const room = message.room ?? kEveryone;
  const event = /^User (\S+) (joined|left)( "|$)/.exec(message.content);
  if (event) {
    const [, id, verb] = event;
    if (id === me && verb === "joined") joined(room);
    const who = id === me ? "You" : person(id).name;
    tabs.get(room)?.addNote(`${who} ${verb}`, date);
  } else if (message.content === "New user joined") {
    tabs.get(kEveryone).addNote("Somebody joined", date);
  } else {
    refused(message, date);
  }
  if (event || !message.room) refreshSoon();
}

function refused(message, date) {
  const asked = message.room ? joining.has(message.room) : joining.size > 0;
  if (!asked) return (tabs.get(message.room) ?? tabs.current).addNote(message.content, date, true);
  for (const name of message.room ? [message.room] : [...joining.keys()]) endJoining(name);
  byId("join-error").textContent = message.content;
}

// ---- rooms

function join(name) {
  byId("join-error").textContent = "";
  if (name === "") return byId("room").focus();
  if (tabs.get(name)) return tabs.select(name);
  if (joining.has(name) || !sendMessage({ type: "join", room: name })) return;
  const giveUp = () => {
    endJoining(name);
    sendMessage({ type: "leave", room: name });  // should the answer still come
    byId("join-error").textContent = `No answer about room ${name}.`;
  };
  joining.set(name, setTimeout(giveUp, kJoinMs));
}

function endJoining(name) {
  clearTimeout(joining.get(name));
  return joining.delete(name);
}

function joined(name) {
  if (!endJoining(name)) return;  // back after a reconnect, or left meanwhile
  tabs.open(name);
  byId("room").value = "";
  tabs.select(name);
  byId("text").focus();
}

function leave(name) {
  sendMessage({ type: "leave", room: name });
  tabs.close(name);
  tabs.current.addNote(`You left ${name}`, new Date());
  tabs.current.tab.focus();
  refreshSoon();
}

function showRoom(view) {
  const isRoom = view.name !== kEveryone;
  byId("room-name").textContent = view.title;
  byId("room-note").textContent = isRoom ? "" : "All who are connected read this";
  byId("leave").hidden = !isRoom;
  byId("leave").setAttribute("aria-label", `Leave ${view.title}`);
  byId("text").placeholder = `Message ${view.title}`;
  byId("text-label").textContent = `Message ${view.title}`;
  byId("jump").hidden = true;
  byId("members").replaceChildren();
  byId("members-note").textContent = "";
  view.panel.onscroll = () => view.atEnd && (byId("jump").hidden = true);
  showTitle();
  refreshSoon(true);
}

function showTitle() {
  let unread = 0;
  for (const view of tabs.views.values()) unread += view.unread;
  document.title = unread > 0 ? `(${unread}) brume chat` : "brume chat";
}

// ---- who is there, from /ws/status

// Not at once, and not all pages together: whatever one of them saw, the others saw too.
function refreshSoon(atOnce = false) {
  refreshIn(atOnce ? 0 : Math.max(0, refreshedAt + kRefreshMs - performance.now()) + 100 + Math.random() * 400);
}

// Or earlier, where that was asked before.
function refreshIn(wait) {
  const at = performance.now() + wait;
  if (refreshTimer && refreshAt <= at) return;
  clearTimeout(refreshTimer);
  refreshAt = at;
  refreshTimer = setTimeout(refresh, wait);
}

async function refresh() {
  refreshTimer = 0;
  refreshedAt = performance.now();
  const view = tabs.current;
  if (document.hidden) return;  // asked for again when it is looked at
  refreshIn(kPollMs * (0.75 + Math.random() / 4));
  if (!live.isOpen) return;
  try {
    const query = view.name === kEveryone ? "" : `?room=${encodeURIComponent(view.name)}`;
    const answer = await fetch(`/ws/status${query}`, { cache: "no-store" });
    if (answer.ok) showPeople(view, await answer.json());
  } catch {
    // The connection's own state tells that the server is away.
  }
}

function showPeople(view, status) {
  if (view !== tabs.current) return;
  const count = status.connections === 1 ? "1 person is connected" : `${status.connections} people are connected`;
  const ids = status.connections_list ?? [me];  // of all who are connected only the number is told
  // The reader first, then by name.
  const sorted = ids.map((id) => ({ id, name: person(id).name })).sort((a, b) =>
    a.id === me ? -1 : b.id === me ? 1 : a.name.localeCompare(b.name));
  byId("members").replaceChildren(...sorted.slice(0, kPeopleShown).map(personRow));
  const more = ids.length - kPeopleShown;
  byId("members-note").textContent = view.name === kEveryone ? `${count}. Join a room to see who is in it.` : more > 0 ? `and ${more} more` : "";
  byId("members-title").textContent = view.name === kEveryone ? "People" : `People in ${view.title}`;
  byId("room-note").textContent = view.name === kEveryone ? count : ids.length === 1 ? "1 member" : `${ids.length} members`;

  const open = status.rooms.filter((name) => !tabs.get(name));
  byId("rooms").replaceChildren(...open.slice(0, kPeopleShown).map(roomRow));
  byId("rooms-note").textContent = open.length > 0 ? "" : status.rooms.length > 0 ? "You are in every room there is." : "None yet: join one by its name, and it is made.";
}

function personRow({ id, name }) {
  const row = element("li");
  const label = element("span", "name", id === me ? `${name} (you)` : name);
  label.title = id;
  row.append(avatar(id), label, element("small", "", id.slice(0, 4)));
  return row;
}

function roomRow(name) {
  const row = element("li");
  const button = element("button", "small", "Join");
  button.type = "button";
  button.setAttribute("aria-label", `Join ${name}`);
  button.addEventListener("click", () => join(name));
  const label = element("span", "name", name);
  label.title = name;
  row.append(label, button);
  return row;
}

// ---- what goes

function sendMessage(message) {
  return live.send(JSON.stringify(message));
}

function fitText() {
  const field = byId("text");
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}

function submit() {
  const field = byId("text");
  const content = field.value.trim();
  if (content === "") return;
  const name = tabs.current.name;
  const message = name === kEveryone ? { type: "chat", content } : { type: "room", room: name, content };
  if (!sendMessage(message)) return;  // what was typed stays
  field.value = "";
  fitText();
}

byId("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
  byId("text").focus();
});
byId("text").addEventListener("input", fitText);
byId("text").addEventListener("keydown", (event) => {
  // Enter sends, with Shift it breaks the line; while an input method composes it is the method's.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit();
});
byId("join").addEventListener("submit", (event) => {
  event.preventDefault();
  join(byId("room").value.trim());
});
byId("room").addEventListener("input", () => (byId("join-error").textContent = ""));
byId("leave").addEventListener("click", () => leave(tabs.current.name));
byId("jump").addEventListener("click", () => tabs.current.scrollToEnd());
byId("people-toggle").addEventListener("click", () => {
  const shown = byId("people").classList.toggle("shown");
  byId("people-toggle").setAttribute("aria-expanded", String(shown));
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  tabs.current.setUnread(0);
  showTitle();
  refreshSoon();
});

tabs.open(kEveryone);
tabs.select(kEveryone);
live.connect();

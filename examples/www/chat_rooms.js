"use strict";
// What the chat page shows of its rooms: a tab, a log and an unread count for each. Knows nothing of the connection.

const kRows = 500;                     // shown in a room; older ones go
const kGroupMs = 5 * 60 * 1000;        // one sender's messages stand together that long
const kNearEndPx = 60;
const kEveryone = "";                  // the name of the tab that is no room

// ---- people: the server knows ids; these names are made of them, the same in every browser

const kFirst = ("Amber Ashen Autumn Birch Brave Bright Calm Cedar Clear Copper Coral Dawn Dusky Early Fern Flint " +
  "Gentle Golden Hazel Indigo Ivory Jade Keen Lively Mellow Misty Nimble Olive Quiet Rapid Silver Velvet").split(" ");
const kSecond = ("Badger Bittern Crane Curlew Dipper Dunlin Egret Falcon Finch Fox Gannet Grebe Hare Heron Ibis Jay " +
  "Kestrel Lark Linnet Lynx Marten Merlin Otter Owl Plover Raven Robin Seal Snipe Swift Tern Wren").split(" ");

function person(id) {
  let hash = 2166136261;
  for (const character of id) hash = Math.imul(hash ^ character.codePointAt(0), 16777619) >>> 0;
  const name = kFirst[hash % 32] + " " + kSecond[(hash >>> 5) % 32];
  return { name, tag: id.slice(0, 4), hue: (hash >>> 10) % 360 };
}

function avatar(id) {
  const { name, hue } = person(id);
  const made = element("span", "avatar", name.split(" ").map((word) => word[0]).join(""));
  made.style.setProperty("--hue", hue);
  made.setAttribute("aria-hidden", "true");
  return made;
}

// ---- one room

class RoomView {
  static count = 0;

  constructor(name) {
    this.name = name;
    this.title = name === kEveryone ? "Everyone" : name;
    this.unread = 0;
    this.last = null;  // what the newest message was: {sender, at}
    this.lastDay = "";
    const number = RoomView.count++;

    this.tab = element("button", "tab");
    this.tab.type = "button";
    this.tab.id = `tab-${number}`;
    this.tab.setAttribute("role", "tab");
    this.tab.setAttribute("aria-controls", `panel-${number}`);
    this.badge = element("span", "badge");
    this.badge.hidden = true;
    this.tab.append(element("span", "name", this.title), this.badge);
    this.tab.title = this.title;

    this.panel = element("div", "panel");
    this.panel.id = `panel-${number}`;
    this.panel.tabIndex = 0;
    this.panel.setAttribute("role", "tabpanel");
    this.panel.setAttribute("aria-labelledby", this.tab.id);
    this.log = element("div", "log");
    this.log.setAttribute("role", "log");
    this.log.setAttribute("aria-live", "polite");
    this.log.setAttribute("aria-label", `Messages in ${this.title}`);
    this.panel.append(this.log);
  }

  get atEnd() {
    return this.panel.scrollHeight - this.panel.scrollTop - this.panel.clientHeight < kNearEndPx;
  }
  scrollToEnd() {
    this.panel.scrollTop = this.panel.scrollHeight;
  }

  // Returns whether the newest row is in sight.
  append(row, date) {
    const stay = this.panel.hidden || this.atEnd;
    const day = kDay.format(date);
    if (day !== this.lastDay && (this.lastDay || day !== kDay.format(new Date()))) this.log.append(element("div", "day", day));
    this.lastDay = day;
    this.log.append(row);
    while (this.log.children.length > kRows) this.log.firstElementChild.remove();
    if (stay) this.scrollToEnd();
    return stay;
  }

  addMessage(sender, mine, content, date) {
    const again = this.last && this.last.sender === sender && date - this.last.at < kGroupMs;
    const row = element("div", "said" + (mine ? " mine" : "") + (again ? " again" : ""));
    const { name, tag } = person(sender);
    const who = element("div", "who");
    who.title = sender;
    who.append(element("b", "", mine ? "You" : name));
    if (!mine) who.append(element("small", "", tag));
    who.append(timeElement(date));
    const text = element("div", "text", content);
    text.title = kWhole.format(date);
    row.append(avatar(sender), who, text);
    this.last = { sender, at: date };
    return this.append(row, date);
  }

  addNote(content, date, refused = false) {
    const row = element("div", refused ? "note refused" : "note", content);
    row.append(" ", timeElement(date));
    this.last = null;
    return this.append(row, date);
  }

  setUnread(count) {
    this.unread = count;
    this.badge.hidden = count === 0;
    this.badge.textContent = count > 99 ? "99+" : String(count);
    this.tab.classList.toggle("unread", count > 0);
    if (count > 0) this.tab.setAttribute("aria-label", `${this.title}, ${count} unread`);
    else this.tab.removeAttribute("aria-label");
  }
}

// ---- all of them: the tab list of WAI-ARIA's pattern, with one tab in the tab order and arrow keys between them

class RoomTabs {
  constructor(tablist, panels, onSelect) {
    this.tablist = tablist;
    this.panels = panels;
    this.onSelect = onSelect;
    this.views = new Map();
    this.current = null;
    tablist.addEventListener("keydown", (event) => this.onKey(event));
  }

  get(name) {
    return this.views.get(name);
  }

  open(name) {
    let view = this.views.get(name);
    if (view) return view;
    view = new RoomView(name);
    this.views.set(name, view);
    this.tablist.append(view.tab);
    this.panels.append(view.panel);
    view.panel.hidden = true;
    view.tab.tabIndex = -1;
    view.tab.setAttribute("aria-selected", "false");
    view.tab.addEventListener("click", () => this.select(name));
    return view;
  }

  close(name) {
    const view = this.views.get(name);
    const names = [...this.views.keys()];
    const index = names.indexOf(name);
    this.views.delete(name);
    view.tab.remove();
    view.panel.remove();
    if (this.current === view) this.select(names[index + 1] ?? names[index - 1]);
  }

  select(name) {
    const view = this.views.get(name);
    for (const other of this.views.values()) {
      const chosen = other === view;
      other.tab.setAttribute("aria-selected", String(chosen));
      other.tab.tabIndex = chosen ? 0 : -1;
      other.panel.hidden = !chosen;
    }
    this.current = view;
    view.setUnread(0);
    view.scrollToEnd();
    view.tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.onSelect(view);
  }

  onKey(event) {
    const names = [...this.views.keys()];
    const index = names.indexOf(this.current.name);
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -index, End: names.length - 1 - index };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.select(names[(index + steps[event.key] + names.length) % names.length]);
    this.current.tab.focus();
  }
}

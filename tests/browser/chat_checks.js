// The chat page: what two people with a window each see.

const kHostile = `<script>window.hurt = 1</script><img src=x onerror="window.hurt = 1"> ${"long".repeat(80)}`;

async function connected(page) {
  await page.waitForSelector('#state[data-state="open"]');
  await page.waitForFunction(() => me !== "");
  return page.evaluate(() => me);
}

async function say(page, text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

function hears(page, text) {
  return page.locator("#panels .panel:not([hidden]) .said .text", { hasText: text }).last().waitFor();
}

async function join(page, room) {
  await page.fill("#room", room);
  await page.press("#room", "Enter");
  await page.waitForFunction((name) => tabs.current.name === name, room);
}

function tab(page, name) {
  return page.locator(".tab", { hasText: name });
}

async function twoWindows(harness) {
  const [ann, bob] = [await harness.open("/"), await harness.open("/")];
  await connected(ann);
  await connected(bob);
  return [ann, bob];
}

exports.run = async (harness) => {
  const { expect } = harness;

  await harness.check("chat: two windows talk, each with its own messages apart", async () => {
    const [ann, bob] = await twoWindows(harness);
    await say(ann, "Good morning, fog 🌫️");
    await hears(bob, "Good morning, fog 🌫️");
    await say(bob, "Good morning");
    await hears(ann, "Good morning");
    for (const [page, own, other] of [[ann, "fog", "Good morning"], [bob, "Good morning", "fog"]]) {
      await page.locator(".said.mine .text", { hasText: own }).first().waitFor();
      await page.locator(".said:not(.mine) .text", { hasText: other }).first().waitFor();
    }
  });

  await harness.check("chat: rooms are joined and left, and only their members read them", async () => {
    const [ann, bob] = await twoWindows(harness);
    await join(ann, "garden");
    await join(bob, "garden");
    await ann.locator(".note", { hasText: "joined" }).last().waitFor();
    await say(ann, "roses");
    await hears(bob, "roses");
    await bob.waitForFunction(() => document.querySelectorAll("#members li").length === 2);
    expect((await bob.textContent("#room-note")) === "2 members", "the count of members is missing");

    await bob.click("#leave");
    await bob.waitForFunction(() => tabs.current.name === "");
    await ann.locator(".note", { hasText: / left/ }).last().waitFor();
    await say(ann, "only for me");
    await hears(ann, "only for me");
    await say(bob, "and this for all");  // comes after what bob must not see
    await hears(bob, "and this for all");
    expect((await bob.locator(".said", { hasText: "only for me" }).count()) === 0, "a room was read after it was left");
    expect((await tab(bob, "garden").count()) === 0, "the tab of a room that was left stays");
  });

  await harness.check("chat: unread messages are counted on the tab and cleared by reading", async () => {
    const [ann, bob] = await twoWindows(harness);
    await join(ann, "count");
    await join(bob, "count");
    await tab(ann, "Everyone").click();
    for (const text of ["one", "two", "three"]) await say(bob, text);
    await ann.waitForFunction(() => tabs.get("count").unread === 3);
    expect((await tab(ann, "count").locator(".badge").textContent()) === "3", "the badge shows another number");
    expect((await tab(ann, "count").getAttribute("aria-label")) === "count, 3 unread", "it is not said aloud");
    await tab(ann, "count").click();
    await hears(ann, "three");
    expect(await tab(ann, "count").locator(".badge").isHidden(), "the badge stays");
  });

  await harness.check("chat: markup in a message or a room's name stays text", async () => {
    const [ann, bob] = await twoWindows(harness);
    await say(ann, kHostile);
    await hears(bob, "<script>window.hurt");
    await join(ann, "<b>bold</b><script>hurt=1</script>");
    await say(ann, "in there");
    await bob.locator("#rooms .name", { hasText: "<b>bold</b>" }).waitFor();
    for (const page of [ann, bob]) {
      expect((await page.locator(".log img, .log script, .tabs b, #rooms b, .log b b").count()) === 0, "an element was made of it");
      expect(await page.evaluate(() => window.hurt === undefined), "a script of a message ran");
    }
    expect((await bob.locator(".said .text").last().textContent()) === kHostile, "it is shown otherwise");
  });

  await harness.check("chat: a refusal is said beside the field that asked", async () => {
    const page = await harness.open("/");
    await connected(page);
    await page.fill("#room", "ß".repeat(40));  // 80 bytes in 40 characters
    await page.press("#room", "Enter");
    await page.locator("#join-error", { hasText: "at most 64 bytes" }).waitFor();
    expect((await page.locator(".tab").count()) === 1, "a tab was opened all the same");
    await page.fill("#room", "fine");
    expect((await page.textContent("#join-error")) === "", "the error stays while another name is typed");
  });

  await harness.check("chat: a page that lost its server comes back to its rooms by itself", async () => {
    const page = await harness.open("/");
    await connected(page);
    await join(page, "harbour");
    await say(page, "before the storm");
    await hears(page, "before the storm");
    harness.serverIsAway = true;
    await harness.server.kill();
    await page.waitForSelector('#state[data-state="closed"], #state[data-state="connecting"]');
    await page.locator(".note", { hasText: "Connection lost" }).waitFor();
    expect(await page.isDisabled("#send"), "one can still send");
    await page.fill("#text", "typed while away");
    await page.press("#text", "Enter");
    expect((await page.inputValue("#text")) === "typed while away", "what was typed is gone");
    await harness.noSidewaysScroll(page);
    await harness.screenshots(page, "chat-lost");
    await harness.server.start();
    await page.waitForSelector('#state[data-state="open"]');
    await page.locator(".note", { hasText: "You joined" }).nth(1).waitFor();
    harness.serverIsAway = false;
    await page.press("#text", "Enter");
    await hears(page, "typed while away");
    const other = await harness.open("/");
    await connected(other);
    await join(other, "harbour");
    await say(other, "welcome back");
    await hears(page, "welcome back");
    expect((await page.locator(".said.mine").count()) === 2, "what it said before is not its own any more");
  });

  await harness.check("chat: the keyboard reaches and moves everything", async () => {
    const page = await harness.open("/");
    await connected(page);
    await join(page, "alpha");
    await join(page, "beta");
    await tab(page, "beta").focus();
    const at = () => page.evaluate(() => [tabs.current.title, document.activeElement.textContent]);
    for (const [key, title] of [["ArrowRight", "Everyone"], ["ArrowLeft", "beta"], ["Home", "Everyone"], ["ArrowRight", "alpha"], ["End", "beta"]]) {
      await page.keyboard.press(key);
      const [current, focused] = await at();
      expect(current === title && focused.startsWith(title), `${key} leads to ${current}, focus on ${focused}`);
    }
    const order = [];
    for (let i = 0; i < 6; ++i) {
      await page.keyboard.press("Tab");
      order.push(await page.evaluate(() => document.activeElement.id));
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      expect(outline !== "none", `the focus on #${order.at(-1)} is not to be seen`);
    }
    for (const id of ["room", "join-button", "leave", "text", "send"]) expect(order.includes(id), `#${id} is not reached: ${order}`);
    await page.focus("#text");
    await page.keyboard.type("first");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("second");
    await page.keyboard.press("Enter");
    await hears(page, "second");
    expect((await page.locator(".said .text").last().textContent()) === "first\nsecond", "Shift+Enter does not break the line");
  });

  await harness.check("chat: roles and names for screen readers", async () => {
    const page = await harness.open("/");
    await connected(page);
    await join(page, "aloud");
    await page.getByRole("tablist", { name: "Rooms you are in" }).waitFor();
    await page.getByRole("tab", { name: "aloud", selected: true }).waitFor();
    await page.getByRole("tabpanel", { name: "aloud" }).getByRole("log", { name: "Messages in aloud" }).waitFor();
    await page.getByRole("textbox", { name: "Message aloud" }).waitFor();
    await page.getByRole("button", { name: "Leave aloud" }).waitFor();
    await page.getByRole("status").filter({ hasText: "Connected" }).waitFor();
    await page.getByRole("link", { name: "Echo" }).waitFor();
    const live = await page.locator("[role=log]").first().getAttribute("aria-live");
    expect(live === "polite", `the log is ${live}`);
  });

  await harness.check("chat: nothing scrolls sideways from 320 to 1920 px; screenshots", async () => {
    const [ann, bob] = await twoWindows(harness);
    for (const page of [ann, bob]) for (const room of ["kitchen", "workshop"]) await join(page, room);
    await tab(bob, "kitchen").click();
    await say(bob, "The kettle is on.");
    await tab(ann, "Everyone").click();
    await say(ann, "Hello everybody! Who is up for a walk along the canal before the fog lifts?");
    await tab(bob, "Everyone").click();
    await hears(bob, "canal");
    await say(bob, "Me. Give me ten minutes, I will bring tea.");
    await say(bob, "https://example.org/" + "a-very-long-path-without-a-break".repeat(6));
    await hears(ann, "https");
    await say(ann, "Lovely 🌫️");
    await hears(ann, "Lovely");
    await ann.waitForFunction(() => document.querySelector("#room-note").textContent.includes("2 people"));
    await harness.noSidewaysScroll(ann);
    await harness.screenshots(ann, "chat-everyone");
    await tab(ann, "kitchen").click();
    await say(ann, "Coming!\nTwo cups, please.");
    await hears(ann, "Two cups");
    await ann.waitForFunction(() => document.querySelectorAll("#members li").length === 2);
    await harness.noSidewaysScroll(ann);
    await harness.screenshots(ann, "chat-room");
    await ann.setViewportSize({ width: 360, height: 740 });
    await ann.click("#people-toggle");
    await harness.noSidewaysScroll(ann);
    await harness.screenshots(ann, "chat-people");
  });

  await harness.check("chat: the theme follows the system until one is chosen, which is kept", async () => {
    const page = await harness.open("/", { colorScheme: "dark" });
    const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
    expect((await scheme()) === "dark", "the system's dark is not followed");
    await page.click("#theme");
    expect((await scheme()) === "light", "light was chosen");
    await page.reload();
    expect((await scheme()) === "light", "the choice is forgotten");
    await page.emulateMedia({ colorScheme: "light" });
    await page.click("#theme");
    expect((await scheme()) === "dark", "dark was chosen");
  });
};

// The notifications page: the inbox of one user, and the form that sends.

async function open(harness, user) {
  const page = await harness.open(`/notifications?user=${encodeURIComponent(user)}`);
  await page.locator(".item", { hasText: "Connected" }).waitFor();
  return page;
}

async function send(page, to, message, type = "info") {
  await page.fill("#to", to);
  await page.selectOption("#type", type);
  await page.fill("#message", message);
  await page.click("#submit");
}

exports.run = async (harness) => {
  const { expect } = harness;

  await harness.check("notifications: one user's go to that user alone, and to all without one", async () => {
    const [ann, bob] = [await open(harness, "ann"), await open(harness, "bob")];
    await send(ann, "bob", "for bob alone", "warning");
    await bob.locator(".item.unread .text", { hasText: "for bob alone" }).waitFor();
    await ann.locator("#sent", { hasText: "Delivered to 1 connection." }).waitFor();
    await send(bob, "", "for everybody");
    for (const page of [ann, bob]) await page.locator(".item .text", { hasText: "for everybody" }).waitFor();
    expect((await ann.locator(".item", { hasText: "for bob alone" }).count()) === 0, "ann reads bob's");
    await send(ann, "nobody", "into the void");
    await ann.locator("#sent", { hasText: "nobody is not connected." }).waitFor();
  });

  await harness.check("notifications: toasts, and a badge that counts what is unread", async () => {
    const page = await open(harness, "cleo");
    for (const text of ["first", "second", "third"]) {
      await send(page, "cleo", text);
      await page.locator(".toast", { hasText: text }).waitFor();
    }
    expect((await page.textContent("#unread")) === "3", "the badge shows another number");
    expect((await page.title()).startsWith("(3)"), "the title does not");
    await page.locator(".toast", { hasText: "third" }).getByRole("button").click();
    await page.waitForFunction(() => document.querySelector("#unread").textContent === "2");
    await page.locator(".item", { hasText: "second" }).getByRole("button", { name: "Mark as read" }).click();
    await page.waitForFunction(() => document.querySelector("#unread").textContent === "1");
    await page.click("#read-all");
    expect(await page.locator("#unread").isHidden(), "the badge stays");
  });

  await harness.check("notifications: two tabs of one user do not throw each other out for ever", async () => {
    const first = await open(harness, "dora");
    const second = await open(harness, "dora");
    await first.locator("#replaced").waitFor();
    // What the second receives shows that it was not replaced in turn; far more time than a reconnect takes goes by.
    for (let i = 0; i < 4; ++i) {
      await send(second, "dora", `still here ${i}`);
      await second.locator(".item", { hasText: `still here ${i}` }).waitFor();
      await second.waitForTimeout(400);
    }
    expect(await second.locator("#replaced").isHidden(), "the second was replaced");
    expect((await second.locator(".item", { hasText: "Connected" }).count()) === 1, "the second had to come back");
    expect((await first.getAttribute("#state", "data-state")) === "ended", "the first did not stay away");
    await first.click("#use-here");
    await first.waitForSelector('#state[data-state="open"]');
    await second.locator("#replaced").waitFor();
    await send(first, "dora", "and back");
    await first.locator(".item", { hasText: "and back" }).waitFor();
  });

  await harness.check("notifications: markup stays text", async () => {
    const page = await open(harness, "<i>eve<b>");
    await send(page, "<i>eve<b>", "<script>window.hurt = 1</script><img src=x onerror=hurt=1>");
    await page.locator(".item .text", { hasText: "<script>" }).waitFor();
    await page.locator(".toast .text", { hasText: "<script>" }).waitFor();
    expect((await page.locator(".item img, .toast img, .item script, .item i, #whose i, .item b b").count()) === 0, "an element was made of it");
    expect(await page.evaluate(() => window.hurt === undefined), "a script ran");
  });

  await harness.check("notifications: a page that lost its server comes back by itself", async () => {
    const page = await open(harness, "finn");
    harness.serverIsAway = true;
    await harness.server.kill();
    await page.waitForSelector('#state[data-state="closed"], #state[data-state="connecting"]');
    await harness.server.start();
    await page.waitForSelector('#state[data-state="open"]');
    harness.serverIsAway = false;
    await send(page, "finn", "hello again");
    await page.locator(".item", { hasText: "hello again" }).waitFor();
  });

  await harness.check("notifications: without a user it asks who one is", async () => {
    const page = await harness.open("/notifications");
    await page.fill("#user", "gwen/co");
    await page.press("#user", "Enter");
    expect(!page.url().includes("?user"), "an id with a slash is taken, which no path can have");
    await page.fill("#user", "gwen & co?");
    await page.press("#user", "Enter");
    await page.locator(".item", { hasText: "gwen & co?" }).waitFor();
    expect(new URL(page.url()).searchParams.get("user") === "gwen & co?", `the address is ${page.url()}`);
  });

  await harness.check("notifications: roles and names for screen readers", async () => {
    const page = await open(harness, "hal");
    await page.getByRole("log", { name: "Inbox" }).waitFor();
    for (const name of ["To", "Message", "User id"]) await page.getByRole("textbox", { name, exact: true }).waitFor();
    await page.getByRole("combobox", { name: "Kind" }).waitFor();
    await page.getByRole("button", { name: "Send" }).waitFor();
  });

  await harness.check("notifications: nothing scrolls sideways from 320 to 1920 px; screenshots", async () => {
    const page = await open(harness, "iris");
    await send(page, "iris", "Your parcel is on its way and arrives tomorrow between 9 and 11.");
    await send(page, "iris", "Backup finished: 12,480 files.", "success");
    await page.locator(".item", { hasText: "Backup" }).waitFor();
    await page.click("#read-all");
    await send(page, "", "Maintenance tonight at 22:00; the chat is away for a minute. " + "x".repeat(120), "warning");
    await send(page, "iris", "The nightly build failed.", "error");
    await page.locator(".item", { hasText: "nightly" }).waitFor();
    await harness.noSidewaysScroll(page);
    await harness.screenshots(page, "notifications");
    const other = await open(harness, "iris");
    await page.locator("#replaced").waitFor();
    await harness.noSidewaysScroll(page);
    await page.setViewportSize({ width: 768, height: 900 });
    await harness.screenshots(page, "notifications-replaced");
    await other.close();
  });
};

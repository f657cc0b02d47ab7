// The page at "/", as a person uses it in headless Chromium: one line a check, "pass NAME" or "FAIL NAME: reason".
// usage: node run_page_check.js FOLDER ADDRESS. Screenshots go into FOLDER: echo.png, echo-360.png, echo-dark.png.
const path = require("path");
const { launch } = require("./chromium.js");

const [folder, address] = process.argv.slice(2);
const kPage = address.replace(/^ws/, "http") + "/";
const kHostile = '<img src=x onerror="window.hurt = true"> 🌫️ ' + "long".repeat(60);

function expect(condition, text) {
  if (!condition) throw new Error(text);
}

async function connected(page) {
  await page.goto(kPage);
  await page.waitForSelector('#state[data-state="open"]');
}

async function sendText(page, text) {
  const before = await page.locator("#log li.echoed").count();
  await page.fill("#text", text);
  await page.press("#text", "Enter");
  await page.locator("#log li.echoed").nth(before).waitFor();
}

async function noSidewaysScroll(page) {
  for (const width of [360, 768, 1280, 1920]) {
    await page.setViewportSize({ width, height: 800 });
    const [scroll, client] = await page.evaluate(() => {
      const root = document.documentElement;
      return [root.scrollWidth, root.clientWidth];
    });
    expect(scroll <= client, `${scroll} px wide in a window of ${client}`);
  }
}

async function screenshots(page) {
  const at = async (name, width, height, colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height });
    await page.screenshot({ path: path.join(folder, name) });
  };
  await at("echo-360.png", 360, 740, "light");
  await at("echo-dark.png", 1280, 800, "dark");
  await at("echo.png", 1280, 800, "light");
}

async function main() {
  const browser = await launch();
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.location().url.endsWith("/favicon.ico")) complaints.push(message.text());
  });

  const check = async (name, action) => {
    try {
      await action();
      console.log(`pass page: ${name}`);
    } catch (error) {
      console.log(`FAIL page: ${name}: ${error.message.split("\n")[0]}`);
    }
  };
  await check("connects", () => connected(page));
  await check("a message comes back with its time", async () => {
    await sendText(page, "Hello, fog 🌫️");
    const shown = await page.locator("#log li.echoed .time").last().textContent();
    expect(/^\d+\.\d+ ms$/.test(shown), `time shown: ${shown}`);
  });
  await check("markup in a message stays text", async () => {
    await sendText(page, kHostile);
    expect((await page.locator("#log img").count()) === 0, "an element was made of it");
    expect((await page.locator("#log li.echoed .text").last().textContent()) === kHostile, "it is shown otherwise");
  });
  await check("a file comes back", async () => {
    const before = await page.locator("#log li.echoed").count();
    await page.setInputFiles("#file", { name: "bytes.bin", mimeType: "", buffer: Buffer.alloc(300000, 7) });
    await page.locator("#log li.echoed").nth(before).waitFor();
  });
  await check("a ping burst shows median and p99", async () => {
    await page.fill("#count", "200");
    await page.click("#start");
    await page.waitForSelector("#figures:not([hidden])");
    for (const id of ["median", "p99"]) {
      const shown = await page.textContent("#" + id);
      expect(/^\d+\.\d+ ms$/.test(shown), `${id}: ${shown}`);
    }
  });
  await check("the keyboard reaches every control", async () => {
    const reached = new Set();
    await page.focus("#log");
    for (let i = 0; i < 6; ++i) {
      await page.keyboard.press("Tab");
      reached.add(await page.evaluate(() => document.activeElement.id));
    }
    for (const id of ["text", "send", "file", "count", "start"]) expect(reached.has(id), `#${id} is not reached`);
  });
  await check("nothing scrolls sideways from 360 to 1920 px", () => noSidewaysScroll(page));
  await check("screenshots", () => screenshots(page));
  await check("comes back after the connection is lost", async () => {
    await page.evaluate(() => live.socket.close());
    await page.waitForSelector('#state[data-state="closed"]');
    await page.waitForSelector('#state[data-state="open"]');
    await sendText(page, "again");
  });
  await check("no errors in the console", async () => expect(complaints.length === 0, complaints.join("; ")));
  await browser.close();
}

main().catch((error) => {
  console.log(`FAIL page: ${error.message.split("\n")[0]}`);
  process.exit(1);
});

// What the browser checks share: named checks with an outcome each, and what every page has to keep.
const path = require("path");

const kTimeoutMs = 20000;
const kWidths = [360, 768, 1920];

class Harness {
  constructor(browser, server, folder) {
    this.browser = browser;
    this.server = server;
    this.folder = folder;
    this.passed = 0;
    this.failed = 0;
    this.complaints = [];  // errors in the pages, violations of their Content-Security-Policy among them
    this.serverIsAway = false;  // meanwhile, that it cannot be reached is no error
  }

  expect(condition, text) {
    if (!condition) throw new Error(text);
  }

  async check(name, action) {
    if (process.env.ONLY && !name.includes(process.env.ONLY)) return;
    const contexts = this.browser.contexts();
    try {
      await action();
      this.expect(this.complaints.length === 0, `a page complains: ${this.complaints.join("; ")}`);
      this.passed++;
      console.log(`pass ${name}`);
    } catch (error) {
      this.failed++;
      console.log(`FAIL ${name}: ${error.message.split("\n").slice(0, 3).join(" | ")}`);
    }
    this.complaints = [];
    for (const context of this.browser.contexts()) if (!contexts.includes(context)) await context.close();
  }

  // A window of its own: another person, with another storage.
  async open(where, options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    return this.openIn(context, where);
  }

  async openIn(context, where) {
    const page = await context.newPage();
    page.setDefaultTimeout(kTimeoutMs);
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      const unreachable = /ERR_CONNECTION|WebSocket connection|ERR_INCOMPLETE|ERR_EMPTY/.test(message.text());
      if (message.type() === "error" && !(this.serverIsAway && unreachable)) this.complaints.push(message.text());
    });
    await page.goto(this.server.origin + where);
    return page;
  }

  async noSidewaysScroll(page) {
    for (const width of [320, 360, 768, 1280, 1920]) {
      await page.setViewportSize({ width, height: 800 });
      const [scroll, client] = await page.evaluate(() => {
        const root = document.documentElement;
        return [Math.max(root.scrollWidth, document.body.scrollWidth), root.clientWidth];
      });
      this.expect(scroll <= client, `${scroll} px wide in a window of ${client}`);
    }
  }

  async screenshots(page, name) {
    for (const width of kWidths) {
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: width < 500 ? 740 : 900 });
        await page.screenshot({ path: path.join(this.folder, `${name}-${width}-${colorScheme}.png`) });
      }
    }
    await page.emulateMedia({ colorScheme: null });
    await page.setViewportSize({ width: 1280, height: 800 });
  }
}

module.exports = { Harness };

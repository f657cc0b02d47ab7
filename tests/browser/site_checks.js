// What holds for every page of the demo: links, policy, and the echo page's looks.

const kPages = ["/", "/echo", "/notifications?user=site"];

exports.run = async (harness) => {
  const { expect } = harness;

  await harness.check("site: each page links to the others", async () => {
    const page = await harness.open("/");
    for (const [name, title] of [["Echo", "brume echo"], ["Notifications", "brume notifications"], ["Chat", "brume chat"]]) {
      await page.getByRole("link", { name }).click();
      await page.waitForFunction((wanted) => document.title === wanted, title);
      expect((await page.locator('.links [aria-current="page"]').textContent()) === name, `${name} is not shown as current`);
    }
  });

  await harness.check("site: no page runs or loads what is not this server's file", async () => {
    for (const where of kPages) {
      const page = await harness.open(where);
      const requests = [];
      page.on("request", (request) => requests.push(request.url()));
      await page.reload();
      await page.waitForLoadState("load");
      for (const url of requests) expect(url.startsWith(harness.server.origin), `${where} asks ${url}`);
      const ran = await page.evaluate(() => {
        const script = document.createElement("script");
        script.textContent = "window.inlineRan = true";
        document.body.append(script);
        return window.inlineRan === true;
      });
      expect(!ran, `${where} lets an inline script run`);
      const refusals = harness.complaints.filter((text) => /Content Security Policy/i.test(text)).length;
      expect(refusals === harness.complaints.length, harness.complaints.join("; "));
      harness.complaints = [];
    }
  });

  await harness.check("site: the echo page; screenshots", async () => {
    const page = await harness.open("/echo");
    await page.waitForSelector('#state[data-state="open"]');
    for (const text of ["Hello, fog 🌫️", "A second one, a little longer than the first."]) {
      await page.fill("#text", text);
      await page.press("#text", "Enter");
    }
    await page.fill("#count", "100");
    await page.click("#start");
    await page.waitForSelector("#figures:not([hidden])");
    await harness.noSidewaysScroll(page);
    await harness.screenshots(page, "echo");
  });
};

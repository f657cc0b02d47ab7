// A browser through the cases: a page that the server under test serves opens the sockets, so that its Origin is checked.
// usage: node browser_client.js chromium|firefox ADDRESS
const { readFileSync } = require("fs");
const path = require("path");
const { launch } = require("./launch.js");

const [name, address] = process.argv.slice(2);
const kPage = address.replace(/^ws/, "http") + "/";
const kScripts = ["waiting.js", "cases.js", "websocket_api.js"].map((file) =>
  readFileSync(path.join(__dirname, "..", "clients", file), "utf8"),
);

// Runs in the page. Each line has to have arrived here before the browser is closed.
async function runCases(address) {
  const said = [];
  await Cases.run(websocketApi(Waiting), address, (line) => said.push(interopSay(line)));
  await Promise.all(said);
}

async function main() {
  const browser = await launch(name, kPage);
  try {
    console.log(`client ${(await browser.version()).replace("/", " ")}`);
    const page = await browser.newPage();
    await page.goto(kPage, { waitUntil: "domcontentloaded" });
    await page.exposeFunction("interopSay", (line) => console.log(line));
    await page.evaluate(`${kScripts.join("\n")}\nwindow.interop = ${runCases}; undefined`);
    await page.evaluate((address) => window.interop(address), address);
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

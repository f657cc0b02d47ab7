// Runs the checks of all pages against the demo program. Ends with "N passed, N failed".
// usage: node run.js FOLDER, where screenshots go. BRUME_BIN: where the program is; ONLY: part of a check's name.
const { launch } = require("../interop/chromium.js");
const { DemoServer } = require("./demo_server.js");
const { Harness } = require("./harness.js");

const kSuites = ["./chat_checks.js", "./notifications_checks.js", "./site_checks.js"];

async function main() {
  const server = new DemoServer();
  await server.start();
  let browser;
  try {
    browser = await launch();
    console.log(`Chromium ${browser.version()}`);
    const harness = new Harness(browser, server, process.argv[2]);
    for (const suite of kSuites) await require(suite).run(harness);
    console.log(`${harness.passed} passed, ${harness.failed} failed`);
    process.exitCode = harness.failed === 0 && harness.passed > 0 ? 0 : 1;
  } finally {
    await browser?.close();
    await server.kill();
  }
}

main().catch((error) => {
  console.log(`FAIL browser: ${error.message}`);
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
});

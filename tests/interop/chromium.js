// Starts the Chromium that the system has, headless.
const { chromium } = require("playwright-core");
const { existsSync } = require("fs");
const path = require("path");

function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const folder of process.env.PATH.split(path.delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
      const file = path.join(folder, name);
      if (existsSync(file)) return file;
    }
  }
  throw new Error("no Chromium is installed");
}

exports.launch = () =>
  chromium.launch({
    executablePath: findChromium(),
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"],
  });

// Starts the browsers that Debian has, headless, through puppeteer-core: Chromium by its own protocol, Firefox by
// WebDriver BiDi. Neither reads the authority of a test from a file. So the server's certificate is verified here,
// against INTEROP_CA and as strictly as Node does it; then Chromium is told to accept this very key (its hash on the
// command line), and Firefox, which has no such option, to accept any certificate.
const { createHash, X509Certificate } = require("crypto");
const { existsSync, readFileSync } = require("fs");
const path = require("path");
const tls = require("tls");

const kNames = {
  chromium: { title: "Chromium", variable: "CHROMIUM", files: ["chromium", "chromium-browser", "google-chrome"] },
  firefox: { title: "Firefox", variable: "FIREFOX", files: ["firefox-esr", "firefox"] },
};

function find({ title, variable, files }) {
  if (process.env[variable]) return process.env[variable];
  for (const folder of process.env.PATH.split(path.delimiter)) {
    const found = files.map((file) => path.join(folder, file)).find(existsSync);
    if (found) return found;
  }
  throw new Error(`no ${title} is installed`);
}

// The certificate at `url`, once it has been found to be good.
function verifiedCertificate(url) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const options = { host: hostname, port, servername: hostname, ca: readFileSync(process.env.INTEROP_CA) };
    const socket = tls.connect(options, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw));
      socket.end();
    });
    socket.once("error", reject);
  });
}

function keyHash(certificate) {
  return createHash("sha256").update(certificate.publicKey.export({ type: "spki", format: "der" })).digest("base64");
}

// `name`: chromium or firefox; `url`: of the page it is for.
exports.launch = async (name, url) => {
  const { launch } = require("puppeteer-core");
  const certificate = url.startsWith("https:") ? await verifiedCertificate(url) : null;
  if (name === "firefox") {
    return launch({ browser: name, executablePath: find(kNames.firefox), acceptInsecureCerts: certificate !== null });
  }
  const pinned = certificate ? [`--ignore-certificate-errors-spki-list=${keyHash(certificate)}`] : [];
  return launch({
    executablePath: find(kNames.chromium),
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", ...pinned],
  });
};

// The demo program: started, lost, and started again on the same port.
const { spawn } = require("child_process");
const path = require("path");

const kStartMs = 30000;

class DemoServer {
  constructor() {
    this.port = 0;  // any; afterwards the one it had
    this.process = null;
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(...options) {
    const program = path.join(process.env.BRUME_BIN || "build/bin", "demo");
    const started = spawn(program, ["--port", String(this.port), ...options], { stdio: ["ignore", "pipe", "pipe"] });
    this.process = started;
    this.ended = new Promise((resolve) => started.once("exit", resolve));
    this.port = await new Promise((resolve, reject) => {
      let said = "";
      const late = setTimeout(() => reject(new Error(`the demo did not start: ${said}`)), kStartMs);
      const hear = (bytes) => {
        said += bytes;
        const found = /listening on \S*?:(\d+)/.exec(said);
        if (!found) return;
        clearTimeout(late);
        resolve(Number(found[1]));
      };
      started.stdout.on("data", hear);
      started.stderr.on("data", hear);
      started.once("exit", (status) => reject(new Error(`the demo ended with ${status}: ${said}`)));
      started.once("error", reject);
    });
  }

  // At once, as in a crash.
  async kill() {
    this.process?.kill("SIGKILL");
    await this.ended;
  }
}

module.exports = { DemoServer };

// The built-in WebSocket of Node and of Bun through the cases. usage: node (or bun) builtin_client.js ADDRESS
// NODE_EXTRA_CA_CERTS names the authority to trust: the WebSocket takes none.
const Cases = require("./cases.js");
const { Waiting } = require("./waiting.js");
const { websocketApi } = require("./websocket_api.js");

const { bun, node, undici } = process.versions;
console.log(bun ? `client Bun ${bun}` : `client Node ${node}, undici ${undici}`);
Cases.run(websocketApi(Waiting), process.argv[2], (line) => console.log(line)).then(() => process.exit(0));

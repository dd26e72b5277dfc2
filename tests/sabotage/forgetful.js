/** A client in Node that forgets its outbox with its process. */
import { rmSync } from "node:fs";
import { join } from "node:path";

rmSync(join(JSON.parse(process.argv[2]).folder, "outbox.log"), { force: true });
await import("../../deploy/fuzz/node_client.js");

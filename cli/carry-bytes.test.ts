import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

/** Has 512 MiB come through a socket, and prints how often the whole heap was collected meanwhile. */
const PROGRAM = `
import net from "node:net";
import { constants, PerformanceObserver } from "node:perf_hooks";
import { carryBytes } from ${JSON.stringify(join(import.meta.dirname, "carry-bytes.ts"))};
if (process.env.CARRIES) carryBytes();
let collections = 0;
new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections++;
}).observe({ entryTypes: ["gc"] });
const piece = Buffer.alloc(2 ** 20);
const server = net.createServer(async (socket) => {
  for (let sent = 0; sent < 512; sent++) if (!socket.write(piece)) await new Promise((go) => socket.once("drain", go));
  socket.end();
});
server.listen(0, () => {
  const socket = net.connect(server.address().port).on("data", () => {});
  socket.on("end", () => setImmediate(() => (console.log(collections), process.exit())));
});
`;

test.skipIf(Number.parseInt(process.versions.node, 10) !== 24)(
  "buffers that come and go are no reason to collect the whole heap",
  () => {
    const collections = (env: Record<string, string>) =>
      Number(
        execFileSync(process.execPath, ["--input-type=module", "--eval", PROGRAM], {
          env: { ...process.env, ...env },
          encoding: "utf8",
        }),
      );
    expect(collections({})).toBeGreaterThan(4);
    expect(collections({ CARRIES: "1" })).toBeLessThan(3);
  },
);

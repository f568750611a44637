/** `node collect-garbage.ts PID`: has another Node, in the same network namespace, collect its garbage, by its inspector. */
import { setTimeout as pause } from "node:timers/promises";

const INSPECTOR = "http://127.0.0.1:9229/json/list";
const PATIENCE_MS = 10_000;

async function inspector(): Promise<string> {
  for (const until = Date.now() + PATIENCE_MS; ; await pause(20)) {
    try {
      const [first] = (await (await fetch(INSPECTOR)).json()) as { webSocketDebuggerUrl: string }[];
      return first!.webSocketDebuggerUrl;
    } catch (error) {
      if (Date.now() > until) throw error;
    }
  }
}

// Node opens its inspector at this signal; once it is open, nothing happens.
process.kill(Number(process.argv[2]), "SIGUSR1");
const socket = new WebSocket(await inspector());
socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: "HeapProfiler.collectGarbage" }));
socket.onmessage = () => process.exit(0);
socket.onclose = () => process.exit(1);

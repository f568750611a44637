/** Settings of V8 for a process that carries bytes as fast as it can. */
import { setFlagsFromString } from "node:v8";

/** The one that Skein installs. Older ones may not know the first flag; in later V8s it is the default (513bb22991), and in time no flag at all. */
const NODE = 24;

/**
 * V8 counts the memory of buffers, though it is outside its heap, against limits made for objects. It collected an agent's whole heap 60
 * times per GB, in two thirds of the agent's CPU time. With these flags there is one limit for both: four times what is in use after a
 * collection. That is the most that V8 takes by itself (`kMaxGrowingFactor`).
 *
 * Call it once all modules are loaded: V8 rejects Node's compiled code of those that come later.
 */
export function carryBytes(): void {
  if (Number.parseInt(process.versions.node, 10) !== NODE) return;
  setFlagsFromString("--external-memory-accounted-in-global-limit");
  setFlagsFromString("--heap-growing-percent=300");
}

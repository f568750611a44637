/** Settings of V8 for a process that carries bytes as fast as it can. */
import { setFlagsFromString } from "node:v8";

/** With an older one, V8 may not know the flags. */
const SINCE_NODE = 24;

/**
 * V8 counts the memory of buffers, though it is outside its heap, against limits made for objects: it collected an agent's whole heap 60
 * times per GB, in two thirds of the agent's CPU time. With these flags there is one limit for both, four times what is in use after a
 * collection, which is the most that V8 takes by itself (its `heap/heap.cc` and `heap/memory-controller.cc`). Call it once all modules are loaded: it makes V8 reject Node's compiled code of those that
 * come later.
 */
export function carryBytes(): void {
  if (Number.parseInt(process.versions.node, 10) < SINCE_NODE) return;
  setFlagsFromString("--external-memory-accounted-in-global-limit");
  setFlagsFromString("--heap-growing-percent=300");
}

/**
 * Slots: one directory for each lab that is up at the same time on this checkout. Every process of a lab holds its slot's lock, because it
 * inherits the descriptor. So a free lock means that no process of that lab lives, however it died.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupOf, removeCgroup } from "./cgroups.ts";
import { type Lock, tryLock } from "./lock.ts";
import { slotsDir } from "./state.ts";

export interface Slot {
  dir: string;
  /** Names the lab's control groups; random, since other checkouts have slots too. */
  labId: string;
  lock: Lock;
}

/** Takes a free slot, and cleans up the slots of dead labs. */
export async function claimSlot(): Promise<Slot> {
  mkdirSync(slotsDir, { recursive: true });
  let claimed: { dir: string; lock: Lock } | undefined;
  for (let number = 0; claimed === undefined || existsSync(slotDir(number)); number++) {
    const held = await tryLock(join(slotDir(number), "lock"));
    if (held === undefined) continue;
    await sweep(slotDir(number));
    if (claimed === undefined) claimed = { dir: slotDir(number), lock: held };
    else held[Symbol.dispose]();
  }
  const labId = randomBytes(4).toString("hex");
  writeFileSync(join(claimed.dir, "id"), labId);
  return { ...claimed, labId };
}

/** Removes the control groups of a lab that has ended; its files stay, to show what happened. */
export async function releaseSlot(slot: Slot): Promise<void> {
  await removeCgroup(cgroupOf(slot.labId));
  slot.lock[Symbol.dispose]();
}

function slotDir(number: number): string {
  return join(slotsDir, String(number));
}

async function sweep(dir: string): Promise<void> {
  const id = join(dir, "id");
  if (existsSync(id)) await removeCgroup(cgroupOf(readFileSync(id, "utf8")));
  for (const name of readdirSync(dir)) {
    if (name !== "lock") rmSync(join(dir, name), { recursive: true, force: true });
  }
}

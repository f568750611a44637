/** Runs work under other settings. */
import type { Settings } from "../../shared/settings/settings.ts";
import { SETTINGS } from "../platform/installation-settings.ts";

/** Runs `work` under these settings, then restores the earlier ones, also if it throws. */
export async function withSettings<T>(values: Partial<Settings>, work: () => T | Promise<T>): Promise<T> {
  const before = { ...SETTINGS };
  // A worker reads its settings once. Its tests run in the same isolate, so this is the object that it reads.
  const settings = SETTINGS as Settings;
  Object.assign(settings, values);
  try {
    return await work();
  } finally {
    Object.assign(settings, before);
  }
}

/**
 * The settings of this installation, read from the worker's variables (`SKEIN_MAX_BODY_BYTES`, …) when the worker is loaded. An invalid
 * value stops the worker from starting, so that a deployment shows it at once.
 */
import { env } from "cloudflare:workers";
import { settingValue } from "../../shared/settings/setting-values.ts";
import { SETTING_NAMES, type Settings, settingsOf, variableOf } from "../../shared/settings/settings.ts";

const variables = env as unknown as Record<string, unknown>;

export const SETTINGS: Readonly<Settings> = {
  ...settingsOf(
    Object.fromEntries(
      SETTING_NAMES.flatMap((name) => {
        const value = variables[variableOf(name)];
        // workerd binds a setting to null if `skein serve` was not given it.
        return value === undefined || value === null ? [] : [[name, settingValue(name, String(value))]];
      }),
    ),
  ),
};

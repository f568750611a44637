/**
 * Reads the settings from the worker's variables (`SKEIN_MAX_BODY_BYTES`, …), when the worker is loaded: index.ts
 * imports this first. A value that cannot be used stops the worker from starting, which a deployment shows at once.
 */
import { env } from "cloudflare:workers";
import { applySettings, SETTING_NAMES, settingValue, variableOf } from "../../shared/settings/settings.ts";

const variables = env as unknown as Record<string, unknown>;

applySettings(
  Object.fromEntries(
    SETTING_NAMES.flatMap((name) => {
      const value = variables[variableOf(name)];
      // Where `skein serve` is not told one, workerd binds it to null.
      return value === undefined || value === null ? [] : [[name, settingValue(name, String(value))]];
    }),
  ),
);

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { rangeText, SettingError, settingValue } from "./setting-values.ts";
import {
  DEFAULT_SETTINGS,
  outerName,
  SETTING_NAMES,
  SETTINGS_TABLE,
  type Setting,
  settingsOf,
  variableOf,
} from "./settings.ts";

test.each(SETTING_NAMES)("%s: its default is in its own range, and in DEFAULT_SETTINGS", (name) => {
  const row = SETTINGS_TABLE[name];
  expect(settingValue(name, String(row.default))).toBe(row.default);
  expect(DEFAULT_SETTINGS[name]).toBe(row.default);
});

test("settings are the given values over the defaults, and cannot be changed", () => {
  const settings = settingsOf({ vxlanPort: 24789 });
  expect(settings).toEqual({ ...DEFAULT_SETTINGS, vxlanPort: 24789 });
  expect(settingsOf({})).toEqual(DEFAULT_SETTINGS);
  for (const each of [settings, DEFAULT_SETTINGS])
    expect(() => Object.assign(each, { vxlanPort: 1 })).toThrow(TypeError);
});

test("names in `--set` and in variables have the words of the names in code", () => {
  expect(outerName("maxBodyBytes")).toBe("MAX_BODY_BYTES");
  expect(variableOf("maxBodyBytes")).toBe("SKEIN_MAX_BODY_BYTES");
});

describe("a value", () => {
  test("at the ends of the range is accepted", () => {
    expect([settingValue("vxlanPort", "1"), settingValue("vxlanPort", "65535")]).toEqual([1, 65535]);
    expect(settingValue("addressPool", "172.20.0.0/16")).toBe("172.20.0.0/16");
  });

  test.each(["0", "65536", "-1", "1.5", "1e3", "0x10", " 7", "", "many"])("%j is not a port", (text) => {
    expect(() => settingValue("vxlanPort", text)).toThrow(SettingError);
    expect(() => settingValue("vxlanPort", text)).toThrow(
      "VXLAN_PORT must be a whole number from 1 to 65535 (UDP port), not ",
    );
  });

  test.each([
    "10.0.0.0",
    "10.0.0.0/7",
    "10.0.0.0/22",
    "10.0.0/8",
    "10.0.0.256/8",
    "::/12",
    "10.0.0.0/8/8",
    "",
  ])("%j is not an address pool", (text) =>
    expect(() => settingValue("addressPool", text)).toThrow("from /8 to /21"),
  );
});

test("docs/settings.md has every setting with its default, unit, range and meaning, and no other", () => {
  const text = readFileSync(new URL("../../docs/settings.md", import.meta.url), "utf8");
  const rows = SETTING_NAMES.map((name) => {
    const row: Setting = SETTINGS_TABLE[name];
    return `| \`${outerName(name)}\` | ${row.default} | ${row.unit} | ${rangeText(row)} | ${row.about} |`;
  });
  expect(text.match(/^\| `.*$/gm)).toEqual(rows);
});

import { expect, test } from "vitest";
import { DEFAULT_SETTINGS, settingsOf } from "../settings/settings.ts";
import { spaceOf } from "./address-space.ts";

test("a space is the settings' addresses and ports, and the fleet's origin", () => {
  const { origin, ...space } = spaceOf(settingsOf({ vxlanPort: 24789, addressPool: "10.0.0.0/9" }), "flt_1");
  expect(space).toEqual({
    addressPool: "10.0.0.0/9",
    vniBase: 0x800000,
    vniCount: 0x7fffff,
    vxlanPort: 24789,
  });
  expect(origin).toBe(spaceOf(DEFAULT_SETTINGS, "flt_1").origin);
});

test("origins are spread over [0, 1), also those of ids that differ in their last character only", () => {
  const origins = Array.from({ length: 1000 }, (_, i) => spaceOf(DEFAULT_SETTINGS, `flt_${i}`).origin);
  const tenths = origins.map((origin) => Math.floor(origin * 10));
  for (let tenth = 0; tenth < 10; tenth++) {
    const count = tenths.filter((each) => each === tenth).length;
    expect(count).toBeGreaterThan(60);
    expect(count).toBeLessThan(140);
  }
  const [a, b] = [spaceOf(DEFAULT_SETTINGS, "flt_a").origin, spaceOf(DEFAULT_SETTINGS, "flt_b").origin];
  expect(Math.abs(a - b)).toBeGreaterThan(0.01);
});

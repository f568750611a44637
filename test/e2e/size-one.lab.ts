/** The smallest session: main1 alone, in both modes. */
import { describe, expect, test } from "vitest";
import { expectNames, expectSsh, expectVariables } from "./matrix.ts";
import { end, running } from "./skein.ts";

describe.each([
  ["single-node", "bridge"],
  ["multi-node", "overlay"],
])("a %s session of size 1", (clusterMode, driver) => {
  test("is main1 alone, with everything that larger sessions have", async () => {
    const session = await running({ image: "skein/debian:12", clusterMode });
    expect(session.containers.map((container) => container.host)).toEqual(["main1"]);
    expect(session.network!.driver).toBe(driver);
    await expectNames(session);
    await expectVariables(session, "main:1");
    await expectSsh(session);
    await end(session);
  });
});

import { expect, test } from "vitest";
import { changedLabels, labelChange } from "./node-label.ts";

test("K=V sets, K- removes, the others stay, and the last word counts", () => {
  const words = ["zone=b", "gpu-", "acme.com/tier=a=b", "x=1", "x-", "none-", "empty="];
  expect(changedLabels({ zone: "a", gpu: "h100", rack: "7" }, words.map(labelChange))).toEqual({
    zone: "b",
    rack: "7",
    "acme.com/tier": "a=b",
    empty: "",
  });
});

test.each(["zone", "=a", "-", ""])("%j is refused", (word) => {
  expect(() => labelChange(word)).toThrow(/is no label/);
});

import { expect, test } from "vitest";
import { COMMANDS } from "../commands/index.ts";
import { candidates } from "./candidates.ts";

const names = {
  sessions: async () => ["train", "tune"].map((word) => ({ word, about: "running" })),
  nodes: async () => ["gpu1", "gpu2"].map((word) => ({ word, about: "ready" })),
};

/** A line whose last word is being typed. */
async function after(line: string): Promise<string> {
  return (await candidates(line.split(" "), COMMANDS, names)).map(({ word }) => word).join(" ");
}

test.each([
  ["", expect.stringMatching(/^setup demo serve .*\bnode\b.*\bhelp$/)],
  ["con", "context"],
  ["node ", "ls describe cordon uncordon label rm"],
  ["help no", "node"],
  ["ps --st", "--status"],
  ["ps --status ", ""],
  ["describe t", "train tune"],
  ["describe train ", ""],
  ["rm train tu", "tune"],
  ["ssh t", "train tune"],
  ["ssh-", "ssh-config"],
  ["ssh train -", ""],
  ["forward t", "train tune"],
  ["forward train 80", ""],
  ["node cordon gpu1 g", "gpu1 gpu2"],
  ["run --image debian:12 --na", "--name"],
  ["exec train -- l", ""],
  ["nothing ", ""],
  ["constructor ", ""],
])("skein %s", async (line, words) => expect(await after(line)).toEqual(words));

import { expect, test } from "vitest";
import type { Session } from "../sdk/index.ts";
import { failedOutput, lastOutput } from "./last-output.ts";

/** Host → exit code and output. */
function session(ended: Record<string, [number | null, string | null]>): Session {
  const containers = Object.entries(ended).map(([host, [exitCode, output]]) => ({ host, exitCode, output }));
  return { name: "train", containers } as unknown as Session;
}

function linesOf(of: Parameters<typeof session>[0]): string[] {
  return String(lastOutput(session(of)))
    .split("\n")
    .slice(1);
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `line ${i + 1}\n`).join("");

test("containers that ended well show theirs, too; those that run or wrote nothing do not", () => {
  expect(
    String(
      lastOutput(
        session({
          main1: [0, "epoch 1\nepoch 2\n"],
          sub1: [0, "\n"],
          sub10: [0, "done"],
          sub2: [null, null],
        }),
      ),
    ),
  ).toBe(
    "the last of the output (all of it: skein logs train):\nmain1 | epoch 1\nmain1 | epoch 2\nsub10 | done",
  );
  expect(lastOutput(session({ main1: [null, null], sub1: [0, ""] }))).toBeUndefined();
});

test("one container shows at most 20 lines, the last; 64 show two each", () => {
  const one = linesOf({ main1: [0, numbered(300)] });
  expect([one.length, one[0], one.at(-1)]).toEqual([20, "main1 | line 281", "main1 | line 300"]);
  const many = Object.fromEntries(
    Array.from({ length: 64 }, (_, i): [string, [number, string]] => [`sub${i + 1}`, [0, numbered(50)]]),
  );
  const lines = linesOf(many);
  expect(lines).toHaveLength(128);
  expect(lines.slice(0, 2)).toEqual(["sub1  | line 49", "sub1  | line 50"]);
  const oneFailed = linesOf({ ...many, sub7: [3, numbered(50)] });
  expect(oneFailed.filter((line) => line.startsWith("sub7 "))).toHaveLength(20);
  expect(oneFailed).toHaveLength(126 + 20);
});

test("nothing in it acts on a terminal, and a progress bar shows its last state", () => {
  expect(linesOf({ main1: [0, "\x1b]52;c;aGk=\x07x\n 10%\r 20%\r 30%\r\nis\u202e done\ttab"] })).toEqual([
    "main1 | ␛]52;c;aGk=␇x",
    "main1 |  30%",
    "main1 | is\\u{202e} done\ttab",
  ]);
});

test("of a failure only the failed ones are shown", () => {
  const failed = failedOutput(session({ main1: [0, "fine\n"], sub1: [7, "no such file\n"] }));
  expect(String(failed)).toContain("sub1 | no such file");
  expect(String(failed)).not.toContain("fine");
});

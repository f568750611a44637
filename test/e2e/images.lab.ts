/** SSH without prompts in every kind of image, as root and as others, also in an empty image. */
import { describe, expect, test } from "vitest";
import { expectSsh } from "./matrix.ts";
import { end, exec, running, sh } from "./skein.ts";

/** `shell`: how to run a script in it; an empty image has only the kit's shell. */
const KINDS = [
  { kind: "Debian with OpenSSH, as root", image: "skein/debian:12", uid: "0" },
  { kind: "Debian with OpenSSH, as a non-root user", image: "skein/debian-user:12", uid: "1000" },
  {
    kind: "Debian, as a numeric user without a passwd entry",
    image: "skein/debian:12",
    user: "4711:4712",
    uid: "4711",
  },
  { kind: "busybox only", image: "skein/busybox:1", uid: "0" },
  { kind: "busybox only, as a numeric user", image: "skein/busybox:1", user: "4711", uid: "4711" },
  {
    kind: "completely empty",
    image: "skein/empty:1",
    uid: "0",
    shell: ["/.skein/kit/bin/busybox", "sh", "-c"],
  },
  {
    kind: "completely empty, as a numeric user",
    image: "skein/empty:1",
    user: "4711",
    uid: "4711",
    shell: ["/.skein/kit/bin/busybox", "sh", "-c"],
  },
];

describe.each(KINDS)("$kind", ({ image, user, uid, shell }) => {
  test("ssh works for every ordered pair, with the container's own user and environment", async () => {
    const session = await running({
      image,
      clusterSize: 2,
      env: { GREETING: "two  words\nand a line" },
      ...(user === undefined ? {} : { user }),
    });
    if (image === "skein/empty:1") {
      // The image has no `hostname`, so this names the kit's busybox in full.
      const busybox = "/.skein/kit/bin/busybox";
      for (const from of ["main1", "sub1"]) {
        for (const to of ["main1", "sub1"]) {
          expect(await sh(session, from, `ssh ${to} ${busybox} hostname`, { shell: shell! })).toBe(`${to}\n`);
        }
      }
      expect(await sh(session, "main1", `ssh sub1 ${busybox} id -u`, { shell: shell! })).toBe(`${uid}\n`);
      expect(await sh(session, "main1", `ssh sub1 'echo "$GREETING"'`, { shell: shell! })).toBe(
        "two  words\nand a line\n",
      );
    } else {
      await expectSsh(session);
      expect(await sh(session, "main1", "ssh sub1 id -u")).toBe(`${uid}\n`);
      expect(await sh(session, "main1", `ssh sub1 'echo "$GREETING"'`)).toBe("two  words\nand a line\n");
    }
    const many =
      "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ssh sub1 echo here & done; wait";
    const said = await exec(session, "main1", [...(shell ?? ["sh", "-c"]), many]);
    expect(said.stdout, said.stderr).toBe("here\n".repeat(20));
    await end(session);
  });
});

import { describe, expect, it } from "vitest";
import { accountOf, type ImageEtc, type PathStat } from "./account.ts";

const debian: ImageEtc = {
  passwd: [
    "root:x:0:0:root:/root:/bin/bash",
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
    "dev:x:1000:100:The Developer:/home/dev:/bin/bash",
    "app:x:500:500::/tmp:",
    "sshd:x:105:65534::/run/sshd:/usr/sbin/nologin",
    "",
  ].join("\n"),
  group: "root:x:0:\ntty:x:5:\nusers:x:100:dev\nstaff:x:50:\napp:x:500:\nnogroup:x:65534:\n",
  shells: "/bin/sh\n/bin/bash\n",
  shadow: "root:*:19000:0:99999:7:::\ndev:!:19000:0:99999:7:::\n",
};
const nothing: ImageEtc = { passwd: undefined, group: undefined, shells: undefined, shadow: undefined };

const dir = (uid: number, mode: number): PathStat => ({ type: "directory", mode, uid, gid: 0 });
const program: PathStat = { type: "file", mode: 0o755, uid: 0, gid: 0 };
const paths: Record<string, PathStat> = {
  "/bin/bash": program,
  "/bin/sh": program,
  "/usr/sbin/nologin": program,
  "/root": dir(0, 0o700),
  "/home/dev": dir(1000, 0o755),
  "/tmp": dir(0, 0o1777),
};
const account = (user: string, etc: ImageEtc, more: Record<string, PathStat> = paths) =>
  accountOf(
    user,
    etc,
    (shell) => shell in more,
    (home) => more[home],
  );

describe("a user of the image", () => {
  it.each([
    ["", "root", 0, 0, "/root"],
    ["root", "root", 0, 0, "/root"],
    ["0", "root", 0, 0, "/root"],
    ["dev", "dev", 1000, 100, "/home/dev"],
    ["1000", "dev", 1000, 100, "/home/dev"],
    ["1000:users", "dev", 1000, 100, "/home/dev"],
  ])("'%s' is used unchanged", (spec, user, uid, gid, home) => {
    expect(account(spec, debian)).toEqual({
      user,
      uid,
      gid,
      home,
      shell: "/bin/bash",
      passwd: undefined,
      group: undefined,
      shells: undefined,
      shadow: user === "dev" ? debian.shadow?.replace("!", "*") : undefined,
    });
  });

  it("gets the container's group in its passwd entry; the rest of the line stays", () => {
    for (const spec of ["dev:staff", "dev:50", "1000:50"]) {
      const { gid, passwd } = account(spec, debian);
      expect(gid).toBe(50);
      expect(passwd).toBe(debian.passwd!.replace("1000:100:", "1000:50:"));
    }
  });

  it("without a login shell gets an existing one, and a home is made", () => {
    const { shell, home, passwd } = account("nobody", debian);
    expect({ shell, home }).toEqual({ shell: "/bin/bash", home: "/nonexistent" });
    expect(passwd).toContain("nobody:x:65534:65534:nobody:/nonexistent:/bin/bash\n");
  });

  it("gets the kit's shell, and a line in /etc/shells, when the image has no shell", () => {
    const { shell, shells } = account("dev", debian, {});
    expect(shell).toBe("/.skein/kit/bin/sh");
    expect(shells).toBe("/bin/sh\n/bin/bash\n/.skein/kit/bin/sh\n");
  });

  it("keeps a home that anybody may write to", () => {
    const { home, shell, passwd } = account("app", debian);
    expect({ home, shell, passwd }).toEqual({ home: "/tmp", shell: "/bin/sh", passwd: undefined });
  });

  it.each([
    ["its own, open to a group", dir(1000, 0o775), "/home/dev"],
    ["root's, closed", dir(0, 0o755), "/home/dev"],
    ["somebody else's", dir(7, 0o755), "/home/dev"],
    ["no directory", program, "/home/u1000"],
  ])("with a home that is %s", (_, stat, home) => {
    expect(account("dev", debian, { ...paths, "/home/dev": stat }).home).toBe(home);
  });

  it("is unlocked in passwd and shadow, and does not expire", () => {
    const locked = {
      ...debian,
      passwd: debian.passwd!.replace("root:x:", "root:!:"),
      shadow: "root:!*:19000:0:99999:7:::\nother:!:1::::::\n",
    };
    const { passwd, shadow } = account("", locked);
    expect(passwd).toBe(debian.passwd!.replace("root:x:", "root:*:"));
    expect(shadow).toBe("root:*:19000:0:99999:7:::\nother:!:1::::::\n");
    const expired = { ...debian, shadow: "root:*:19000:0:99999:7::19001:" };
    expect(account("", expired).shadow).toBe("root:*:19000:0:99999:7:::\n");
  });
});

it("adds the server's user only for root, with a free number", () => {
  const without = {
    ...debian,
    passwd: "root:x:0:0:root:/root:/bin/bash\ndev:x:999:100::/home/dev:/bin/bash\n",
  };
  expect(account("", without).passwd).toBe(
    `${without.passwd}sshd:*:998:65534::/run/sshd:/usr/sbin/nologin\n`,
  );
  expect(account("dev", without).passwd).toBe(undefined);
});

describe("a user who is not in the image", () => {
  it("gets an entry with a name made from its number, and Docker's group 0", () => {
    const { user, uid, gid, home, passwd, group } = account("4242", debian);
    expect({ user, uid, gid, home }).toEqual({ user: "u4242", uid: 4242, gid: 0, home: "/home/u4242" });
    expect(passwd).toBe(`${debian.passwd}u4242:x:4242:0::/home/u4242:/bin/bash\n`);
    expect(group).toBe(undefined);
  });

  it("gets a group entry too", () => {
    expect(account("4242:4343", debian)).toMatchObject({
      gid: 4343,
      group: `${debian.group}g4343:x:4343:\n`,
    });
  });

  it("gets another name when that one is taken", () => {
    const taken = { ...debian, passwd: `${debian.passwd}u4242:x:9:9::/:/bin/sh\n` };
    expect(account("4242", taken).user).toBe("u4242-skein");
  });

  it("gets everything in an empty image", () => {
    expect(account("", nothing, {})).toEqual({
      user: "root",
      uid: 0,
      gid: 0,
      home: "/root",
      shell: "/.skein/kit/bin/sh",
      passwd: "root:x:0:0::/root:/.skein/kit/bin/sh\nsshd:*:999:65534::/run/sshd:/usr/sbin/nologin\n",
      group: "tty:x:5:\nroot:x:0:\n",
      shells: "/bin/sh\n/bin/csh\n/.skein/kit/bin/sh\n",
      shadow: undefined,
    });
  });

  it("is an error when given by name, with advice", () => {
    expect(() => account("ghost", debian)).toThrow(/no user "ghost".*\/etc\/passwd/);
    expect(() => account("dev:ghosts", debian)).toThrow(/no group "ghosts".*\/etc\/group/);
  });
});

it("refuses a name that cannot be used for a login", () => {
  const odd = { ...debian, passwd: "my user;:x:1000:100::/home/dev:/bin/bash\n" };
  expect(() => account("1000", odd)).toThrow(/"my user;" cannot be used with SSH/);
  const fine = { ...debian, passwd: "jörg.m-2@corp$:x:1000:100::/home/dev:/bin/bash\n" };
  expect(account("1000", fine).user).toBe("jörg.m-2@corp$");
  const long = { ...debian, passwd: `${"x".repeat(100)}:x:1000:100::/home/dev:/bin/bash\n` };
  expect(() => account("1000", long)).toThrow(/cannot be used with SSH/);
});

it("does not use a home that is a thousand directories deep", () => {
  const deep = { ...debian, passwd: `dev:x:1000:100::${"/a".repeat(1000)}:/bin/bash\n` };
  expect(account("1000", deep).home).toBe("/home/u1000");
});

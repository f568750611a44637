import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { engineUlimits } from "./engine-ulimits.ts";

let proc: string;
let pid = 0;

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), "skein-proc-"));
  mkdirSync(join(proc, "sys/fs"), { recursive: true });
  writeFileSync(join(proc, "sys/fs/nr_open"), "1048576\n");
});
afterEach(() => rmSync(proc, { recursive: true }));

const ALL = "000001ffffffffff";
const NO_RESOURCE = "000001fffeffffff";
const WHOLE = "         0          0 4294967295\n";

function process(
  comm: string,
  caps: string,
  memlock: string,
  nofile: string,
  { users = WHOLE, uid = 0, inContainer = false } = {},
): void {
  const dir = join(proc, String(++pid));
  mkdirSync(dir);
  writeFileSync(join(dir, "comm"), `${comm}\n`);
  writeFileSync(
    join(dir, "status"),
    [
      `Name:\t${comm}`,
      `Uid:\t${uid}\t${uid}\t${uid}\t${uid}`,
      `NSpid:\t${pid}${inContainer ? "\t1" : ""}`,
      `CapBnd:\t${caps}`,
      "",
    ].join("\n"),
  );
  writeFileSync(join(dir, "uid_map"), users);
  writeFileSync(
    join(dir, "limits"),
    [
      "Limit                     Soft Limit           Hard Limit           Units     ",
      `Max open files            1024                 ${nofile}              files     `,
      `Max locked memory         65536                ${memlock}             bytes     `,
      "",
    ].join("\n"),
  );
}

test("an engine with CAP_SYS_RESOURCE can give all that the kernel allows", async () => {
  process("dockerd", ALL, "8388608", "20000");
  process("containerd", ALL, "8388608", "20000");
  expect(await engineUlimits(proc)).toEqual({ memlock: "unlimited", nofile: 1_048_576 });
});

test("without it, or in a user namespace of its own, its hard limits are the most", async () => {
  process("dockerd", NO_RESOURCE, "8388608", "20000");
  expect(await engineUlimits(proc)).toEqual({ memlock: 8_388_608, nofile: 20_000 });
  process("containerd", ALL, "unlimited", "4096", {
    users: "         0     100000      65536\n",
  });
  expect(await engineUlimits(proc)).toEqual({ memlock: 8_388_608, nofile: 4096 });
});

test("hard limits may be unlimited; open files never are above fs.nr_open", async () => {
  process("dockerd", NO_RESOURCE, "unlimited", "unlimited");
  expect(await engineUlimits(proc)).toEqual({ memlock: "unlimited", nofile: 1_048_576 });
});

test("a process in a container, or of another user, may call itself what it likes", async () => {
  process("dockerd", ALL, "0", "64", { inContainer: true });
  process("dockerd", NO_RESOURCE, "0", "64", { uid: 1000 });
  expect(await engineUlimits(proc)).toBeUndefined();
  process("dockerd", ALL, "0", "64");
  expect(await engineUlimits(proc)).toEqual({ memlock: "unlimited", nofile: 1_048_576 });
});

test("where no engine can be seen nothing is known", async () => {
  process("node", ALL, "8388608", "20000");
  expect(await engineUlimits(proc)).toBeUndefined();
  expect(await engineUlimits(join(proc, "none"))).toBeUndefined();
});

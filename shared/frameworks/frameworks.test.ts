import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  beside,
  FAMILIES,
  familiesOf,
  filesOf,
  SESSION_INTERFACE,
  type Seat,
  slotsOf,
  TABLE,
  variablesOf,
} from "./frameworks.ts";
import { FILES } from "./host-files.ts";

const seat: Seat = { rank: 2, size: 4, cpu: 2.5, among: undefined, rdma: false };
const all = (over: Partial<Seat> = {}) => variablesOf(FAMILIES, { ...seat, ...over });

const listed = [
  { host: "main1", role: "main", slots: 1 },
  { host: "gpu-worker1", role: "gpu-worker", slots: 8 },
  { host: "gpu-worker2", role: "gpu-worker", slots: 8 },
];

/** UPDATE_GOLDEN=1 writes it. */
function expectGolden(name: string, text: string): void {
  const file = new URL(`golden/${name}.txt`, import.meta.url);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, "utf8"));
}

describe("golden texts", () => {
  test("all variables of the third of four containers", () => {
    const seats: [string, Partial<Seat>][] = [
      ["on the session's network", {}],
      [
        "without a cpu limit, in a session with a container on its node's network",
        { cpu: undefined, among: "10.64.0.0/24" },
      ],
      ["in such a session, which may use RDMA", { among: "10.64.0.0/24", rdma: true }],
    ];
    const text = seats
      .map(([what, over]) =>
        [`# ${what}`, ...Object.entries(all(over)).map(([name, value]) => `${name}=${value}`), ""].join("\n"),
      )
      .join("\n");
    expectGolden("variables", text);
  });

  test("all files of a heterogeneous session", () => {
    const text = Object.entries(FILES)
      .map(([path, textOf]) => `# ${path}\n${textOf(listed)}`)
      .join("\n");
    expectGolden("files", text);
  });
});

test("all families are on unless told, except torchEnv", () => {
  expect(familiesOf()).toEqual(FAMILIES.filter((family) => family !== "torchEnv"));
  expect(familiesOf({ torchEnv: true, mpi: false })).toEqual(FAMILIES.filter((family) => family !== "mpi"));
  expect(familiesOf(Object.fromEntries(FAMILIES.map((family) => [family, false])))).toEqual([]);
});

test("a plain program does not wait for others: RANK, WORLD_SIZE and LOCAL_RANK are not set", () => {
  const names = Object.keys(variablesOf(familiesOf(), seat));
  for (const name of ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"])
    expect(names).not.toContain(name);
  expect(variablesOf(familiesOf({ torch: false, torchEnv: true }), seat)).toMatchObject({
    RANK: "2",
    WORLD_SIZE: "4",
    MASTER_ADDR: "main1",
    MASTER_PORT: "29500",
  });
});

test("a file that a variable names is a file of its family", () => {
  for (const family of FAMILIES) {
    const named = Object.values(variablesOf([family], seat)).filter((value) => value.startsWith("/"));
    for (const path of named) expect(TABLE[family].files).toContain(path);
  }
  expect(filesOf(["pdsh"])).toEqual(["/.skein/self/hosts"]);
  expect(filesOf(["mpi", "deepspeed"])).toEqual([
    "/.skein/self/hostfile",
    "/.skein/self/machinefile",
    "/job/hostfile",
  ]);
});

describe("a user's own value", () => {
  test("wins, also an empty one", () => {
    const set = beside(all(), { NCCL_SOCKET_IFNAME: "", WCOLL: "/mine" });
    expect(Object.keys(set)).not.toContain("NCCL_SOCKET_IFNAME");
    expect(Object.keys(set)).not.toContain("WCOLL");
    expect(set["PDSH_RCMD_TYPE"]).toBe("ssh");
  });

  test("is followed by the variables that mean the same", () => {
    const set = beside(all(), {
      MASTER_ADDR: "ps1",
      NNODES: "2",
      OMP_NUM_THREADS: "6",
      PET_MASTER_ADDR: "x",
    });
    expect(set).toMatchObject({ PET_NNODES: "2", MKL_NUM_THREADS: "6", PET_MASTER_PORT: "29500" });
    expect(Object.keys(set)).not.toContain("PET_MASTER_ADDR");
  });

  test("of OMP_NUM_THREADS that is a list sets nothing else", () => {
    const set = Object.keys(beside(all(), { OMP_NUM_THREADS: "4,2" }));
    expect(set.filter((name) => name.endsWith("_NUM_THREADS"))).toEqual([]);
  });
});

test("threads are the whole cores of the limit, at least one", () => {
  expect(variablesOf(["threads"], { ...seat, cpu: 0.5 })["OMP_NUM_THREADS"]).toBe("1");
  expect(variablesOf(["threads"], { ...seat, cpu: 15.9 })["OMP_NUM_THREADS"]).toBe("15");
  expect(variablesOf(["threads"], { ...seat, cpu: undefined })).toEqual({});
});

test("slots are the GPUs, else the whole cores, else one", () => {
  expect(slotsOf({ gpu: 8, cpu: 64 })).toBe(8);
  expect(slotsOf({ gpu: 0, cpu: 3.9 })).toBe(3);
  expect(slotsOf({ cpu: 0.25 })).toBe(1);
  expect(slotsOf({})).toBe(1);
});

test("in a session with a container on its node's network, nodes know the interface's name", () => {
  expect(all({ among: "10.64.0.0/24" })["NCCL_SOCKET_IFNAME"]).toBe(SESSION_INTERFACE);
});

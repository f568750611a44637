import { describe, expect, test } from "vitest";
import { allowedGiven } from "./allowed-given.ts";
import { UsageError } from "./cli-error.ts";
import {
  appGiven,
  byteSize,
  decimalNumber,
  duration,
  httpUrl,
  keyValues,
  listenAddress,
  mountsGiven,
  oneOf,
  seconds,
  settingsGiven,
  wholeNumber,
} from "./values.ts";

describe("option values", () => {
  test("an app has a name and a port, and perhaps a path", () => {
    expect(appGiven("app", "board=6006")).toEqual({ name: "board", port: 6006 });
    expect(appGiven("app", "nb=8888/lab?reset=1")).toEqual({ name: "nb", port: 8888, path: "/lab?reset=1" });
    for (const bad of ["board", "board=", "board=x", "board=65536", "board=0", "=80", "board=80lab"])
      expect(() => appGiven("app", bad), bad).toThrow(UsageError);
  });

  test("are read", () => {
    expect(wholeNumber("size", "4")).toBe(4);
    expect(decimalNumber("cpu", "0.5")).toBe(0.5);
    expect(byteSize("memory", "512MiB")).toBe(536870912);
    expect(["90s", "30m", "12h", "30d"].map((text) => duration("expires", text))).toEqual([
      90, 1800, 43_200, 2_592_000,
    ]);
    expect(["30", "10m", "2h"].map((text) => seconds("max-duration", text))).toEqual([30, 600, 7200]);
    expect(keyValues("env", ["A=1", "B=x=y", "C="])).toEqual({ A: "1", B: "x=y", C: "" });
    expect(settingsGiven("set", ["ADDRESS_POOL=10.0.0.0/16", "VXLAN_PORT=1", "VXLAN_PORT=4789"])).toEqual({
      addressPool: "10.0.0.0/16",
      vxlanPort: 4789,
    });
    const allowed = ["mount=/data", "mount=/scratch:rw", "device=/dev/fuse", "privileged", "host-network"];
    expect(allowedGiven("allow", allowed)).toEqual({
      mounts: [
        { source: "/data", readOnly: true },
        { source: "/scratch", readOnly: false },
      ],
      devices: ["/dev/fuse"],
      privileged: true,
      hostNetwork: true,
    });
    expect(allowedGiven("allow", [])).toEqual({
      ...{ mounts: [], devices: [], privileged: false, hostNetwork: false },
    });
    expect(mountsGiven("mount", ["/data:/d", "/scratch:/s:rw"])).toEqual([
      { source: "/data", target: "/d", readOnly: true },
      { source: "/scratch", target: "/s", readOnly: false },
    ]);
    expect(oneOf("mode", ["single-node", "multi-node"], "multi-node")).toBe("multi-node");
    expect(listenAddress("listen", "127.0.0.1:0")).toEqual({ host: "127.0.0.1", port: 0 });
    expect(listenAddress("listen", "[::1]:8787")).toEqual({ host: "::1", port: 8787 });
    expect(httpUrl("SKEIN_API", "https://skein.example/")).toBe("https://skein.example");
  });

  test.each([
    [() => wholeNumber("size", "4.5"), "--size"],
    [() => wholeNumber("size", "1e9"), "--size"],
    [() => wholeNumber("size", "-1"), "--size"],
    [() => decimalNumber("cpu", "many"), "--cpu"],
    [() => byteSize("memory", "12 potatoes"), "--memory"],
    [() => duration("expires", "30"), "--expires"],
    [() => duration("expires", "1.5h"), "--expires"],
    [() => duration("expires", "2w"), "--expires"],
    [() => seconds("max-duration", "soon"), "--max-duration"],
    [() => seconds("max-duration", "-1"), "--max-duration"],
    [() => keyValues("env", ["A"]), "--env"],
    [() => keyValues("env", ["=1"]), "--env"],
    [() => settingsGiven("set", ["VXLAN_PORT"]), "--set"],
    [
      () => settingsGiven("set", ["MAX_CONTAINERS=1025"]),
      "MAX_CONTAINERS must be a whole number from 1 to 1024",
    ],
    [() => settingsGiven("set", ["ADDRESS_POOL=::/12"]), "ADDRESS_POOL must be an IPv4 range from /8 to /21"],
    [() => settingsGiven("set", ["maxContainers=3"]), "no setting maxContainers; there are ADDRESS_POOL, "],
    [() => oneOf("mode", ["single-node", "multi-node"], "multi"), "--mode"],
    [() => allowedGiven("allow", ["mount=data"]), "--allow: data must be an absolute path"],
    [() => allowedGiven("allow", ["mount=/a/../b"]), "--allow: /a/../b must be an absolute path"],
    [() => allowedGiven("allow", ["mount="]), "--allow must be mount=PATH"],
    [() => allowedGiven("allow", ["device=/dev/fuse:rw"]), "--allow must be mount=PATH"],
    [() => allowedGiven("allow", ["everything"]), "--allow must be mount=PATH"],
    [() => mountsGiven("mount", ["/data"]), "--mount"],
    [() => mountsGiven("mount", ["/a:/b:/c"]), "--mount"],
    [() => listenAddress("listen", "8787"), "--listen"],
    [() => listenAddress("listen", "127.0.0.1:70000"), "--listen"],
    [() => listenAddress("listen", "::1:8787"), "--listen"],
    [() => httpUrl("SKEIN_API", "localhost:8787"), "SKEIN_API"],
  ])("that cannot be read are wrong usage, with the option's name (%#)", (read, name) => {
    expect(read).toThrow(UsageError);
    expect(read).toThrow(name);
  });
});

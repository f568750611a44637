/** Package lists of one release of Debian, whatever the machine itself runs: kept apart from the machine's own lists. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capture } from "./command.ts";

/** Releases by their code names. */
export type Suite = "bookworm" | "trixie";

/** Where Debian's packages are, unless the machine's own sources name another mirror. */
const MIRROR = "http://deb.debian.org/debian";

/** apt-get options that take packages from this release alone. Its lists go below `directory`, and are loaded by `apt-get update`. */
export async function suiteOptions(suite: Suite, directory: string): Promise<string[]> {
  const sources = join(directory, "suite.sources");
  const lists = join(directory, "lists");
  mkdirSync(join(lists, "partial"), { recursive: true });
  writeFileSync(
    sources,
    [
      "Types: deb",
      `URIs: ${await mirror()}`,
      `Suites: ${suite}`,
      "Components: main",
      "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
      "",
    ].join("\n"),
  );
  return [
    ...["-o", `Dir::Etc::sourcelist=${sources}`, "-o", "Dir::Etc::sourceparts=-"],
    ...["-o", `Dir::State::lists=${lists}`, "-o", "Acquire::Languages=none"],
    // Caches of the machine's own lists would be replaced by these.
    ...["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="],
  ];
}

/** The mirror that the machine's own sources name for Debian's main archive. */
async function mirror(): Promise<string> {
  const { code, stdout } = await capture([
    ...["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
  ]);
  const main = stdout
    .split("\n")
    .map((line) => line.split(" "))
    .find(([uri, , component]) => component === "main" && /\/debian\/?$/.test(uri ?? ""));
  return code === 0 && main?.[0] !== undefined ? main[0] : MIRROR;
}

/** Debian's Chromium, without a screen, as a user has it on the lab's client machine. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { APPS_DOMAIN } from "../lab/cluster.ts";

const PROGRAM = "/usr/bin/chromium";
/** What a test leaves for people to look at. */
const ARTEFACTS = join(import.meta.dirname, "../../.skein/artefacts");

/** `apps`: the address that all names under the apps' domain lead to. Certificates are not checked: a test makes its own. */
export async function startBrowser(apps: string): Promise<Browser> {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing. As root: apt-get install chromium`);
  return await chromium.launch({
    executablePath: PROGRAM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--ignore-certificate-errors",
      `--host-resolver-rules=MAP *.${APPS_DOMAIN} ${apps}`,
    ],
  });
}

/** Stores what the page shows in `.skein/artefacts/NAME.png`. */
export async function photograph(page: Page, name: string): Promise<void> {
  mkdirSync(ARTEFACTS, { recursive: true });
  await page.screenshot({ path: join(ARTEFACTS, `${name}.png`) });
}

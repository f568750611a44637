/** Shows an address in the user's browser. */
import { spawn } from "node:child_process";

/** Whether a browser is likely to open: `BROWSER` names one, or there is a screen. A failure says nothing: the address is printed anyway. */
export function openBrowser(url: string, { platform, env } = process): void {
  const program = env["BROWSER"] || (platform === "darwin" ? "open" : "xdg-open");
  const hasScreen = platform === "darwin" || env["DISPLAY"] || env["WAYLAND_DISPLAY"] || env["BROWSER"];
  if (!hasScreen) return;
  const child = spawn(program, [url], { detached: true, stdio: "ignore" });
  child.on("error", () => {});
  child.unref();
}

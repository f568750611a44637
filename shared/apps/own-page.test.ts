import { expect, test } from "vitest";
import { isOwnPage } from "./own-page.ts";

const OWN = "https://notebook--x.apps.example.com";
const SIBLING = "https://board--x.apps.example.com";

const asked = (headers: Record<string, string>, method = "GET") =>
  isOwnPage({ method, header: (name) => headers[name] }, OWN);

test.each([
  ["a page's own request", { "sec-fetch-site": "same-origin", origin: OWN }, "POST"],
  ["a form of a page without a referrer", { "sec-fetch-site": "same-origin", origin: "null" }, "POST"],
  ["the address line", { "sec-fetch-site": "none" }, "GET"],
  [
    "a link on any page",
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
    "GET",
  ],
  ["its WebSocket", { origin: OWN }, "GET"],
  ["a program", {}, "DELETE"],
])("%s is the app's own", (_, headers, method) => expect(asked(headers, method)).toBe(true));

test.each([
  ["a sibling's script", { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors", origin: SIBLING }, "GET"],
  [
    "a sibling's image",
    { "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" },
    "GET",
  ],
  [
    "a sibling's frame",
    { "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" },
    "GET",
  ],
  [
    "a sibling's form",
    { "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
    "POST",
  ],
  ["a sibling's WebSocket", { origin: SIBLING }, "GET"],
  ["a sandboxed frame's WebSocket", { origin: "null" }, "GET"],
  ["another port", { origin: `${OWN}:8443` }, "GET"],
])("%s is not", (_, headers, method) => expect(asked(headers, method)).toBe(false));

import { describe, expect, test } from "vitest";
import { APP_COOKIE, fromApp, type HeaderPair, ourCookies, towardsApp } from "./app-headers.ts";

const place = { origin: "https://notebook--x.apps.example.com", port: 8888 };
const here = [
  ["Host", "localhost:8888"],
  ["X-Forwarded-Host", "notebook--x.apps.example.com"],
  ["X-Forwarded-Proto", "https"],
];

/** What is left of these headers of a request. */
const left = (...headers: HeaderPair[]) =>
  towardsApp(headers, place, (token) => token === "admin").filter(
    ([name]) => !here.some(([own]) => own === name),
  );
const back = (...headers: HeaderPair[]) => fromApp(headers, place);

test("a request says where the app listens, and where the browser sees it", () => {
  const lies: HeaderPair[] = [
    ["host", "evil"],
    ["X-Forwarded-Host", "evil"],
    ["Forwarded", "host=evil"],
    ["X-Real-IP", "1.2.3.4"],
    ["X-Skein-Dial", "{}"],
    ["CF-Connecting-IP", "1.2.3.4"],
  ];
  expect(towardsApp(lies, place)).toEqual(here);
  expect(towardsApp([], { ...place, port: 80 })[0]).toEqual(["Host", "localhost"]);
});

describe("a request's", () => {
  test.each([
    ["Origin", "https://notebook--x.apps.example.com", "http://localhost:8888"],
    ["Origin", "null", "null"],
    ["Referer", "https://notebook--x.apps.example.com/a?b", "http://localhost:8888/a?b"],
    ["Referer", "https://notebook--x.apps.example.com.evil/a", "https://notebook--x.apps.example.com.evil/a"],
    ["Sec-WebSocket-Protocol", "a, base64url.bearer.authorization.skein.e30,b", "a, b"],
    ["Cookie", `a=1; ${APP_COOKIE}=x.y; b=2`, "a=1; b=2"],
    ["Cookie", `a=${APP_COOKIE}`, `a=${APP_COOKIE}`],
    ["Authorization", "token abc", "token abc"],
    ["Authorization", "Bearer key-of-the-app", "Bearer key-of-the-app"],
    ["X-Own", "1", "1"],
  ])("%s %s becomes %s", (name, before, after) => expect(left([name, before])).toEqual([[name, after]]));

  test.each([
    ["Cookie", `${APP_COOKIE}=x.y`],
    ["cookie", ` __host-Skein-App = x.y`],
    ["Authorization", "Bearer skt_a.b"],
    ["authorization", "bearer  ska_abc"],
    ["Authorization", "Bearer admin"],
    ["Connection", "X-Own"],
    ["Transfer-Encoding", "chunked"],
    ["Upgrade", "h2c"],
    ["TE", "trailers"],
  ])("%s %s goes no further", (name, value) => expect(left([name, value])).toEqual([]));

  test("headers that Connection names end there, too", () =>
    expect(left(["Connection", "close, X-Hop"], ["x-hop", "1"], ["x-on", "2"])).toEqual([["x-on", "2"]]));
});

describe("an answer's", () => {
  test.each([
    ["a=1; Domain=.apps.example.com; Path=/", "a=1; Path=/"],
    ["a=1;domain=apps.example.com", "a=1"],
    ["a=1; Domain", "a=1"],
    ["a=1; DOMAIN = x ; Secure; domain=y", "a=1; Secure"],
    ["domain=1; Path=/", "domain=1; Path=/"],
    ["a=x;domains=y", "a=x;domains=y"],
  ])("cookie %s stays at the app's host", (before, after) =>
    expect(back(["Set-Cookie", before])).toEqual([["Set-Cookie", after]]),
  );

  test.each([
    ["Set-Cookie", `${APP_COOKIE}=x; Path=/`],
    ["set-cookie", "__HOST-SKEIN-APP=x"],
    ["Clear-Site-Data", '"*"'],
    ["Alt-Svc", 'h2="evil:443"'],
    ["Connection", "keep-alive"],
  ])("%s %s is left out", (name, value) => expect(back([name, value])).toEqual([]));

  test.each([
    ["http://localhost:8888/lab", "https://notebook--x.apps.example.com/lab"],
    ["http://localhost:8888", "https://notebook--x.apps.example.com"],
    ["http://localhost:88889/", "http://localhost:88889/"],
    ["/lab", "/lab"],
    ["https://elsewhere.example/", "https://elsewhere.example/"],
  ])("Location %s becomes %s", (before, after) =>
    expect(back(["Location", before])).toEqual([["Location", after]]),
  );
});

test("every value of our cookie is found: two are one too many", () => {
  expect(ourCookies(`a=1; ${APP_COOKIE}=x.y; ${APP_COOKIE}=z`)).toEqual(["x.y", "z"]);
  expect(ourCookies("a=1")).toEqual([]);
});

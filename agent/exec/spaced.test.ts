import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { spaced } from "./spaced.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a few at once, the others in order with pauses; after a rest a few at once again", () => {
  let done = "";
  const inTurn = spaced(100, 2);
  const add = (name: string) => inTurn(() => (done += name));
  for (const name of "abcd") add(name);
  expect(done).toBe("ab");
  vi.advanceTimersByTime(99);
  expect(done).toBe("ab");
  vi.advanceTimersByTime(1);
  expect(done).toBe("abc");
  vi.advanceTimersByTime(100);
  expect(done).toBe("abcd");
  add("e");
  expect(done).toBe("abcd");
  vi.advanceTimersByTime(1000);
  for (const name of "fgh") add(name);
  expect(done).toBe("abcdefg");
  vi.advanceTimersByTime(100);
  expect(done).toBe("abcdefgh");
});

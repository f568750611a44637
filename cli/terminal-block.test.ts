import { afterEach, describe, expect, test } from "vitest";
import { TerminalBlock } from "./terminal-block.ts";
import { bold } from "./terminal-text.ts";
import { Screen } from "./testing/screen.ts";

let block: TerminalBlock;
afterEach(() => block.clear());

function onScreen(columns = 40, rows = 10) {
  const screen = new Screen(columns, rows);
  screen.write("$ skein run\n");
  block = new TerminalBlock(screen as unknown as NodeJS.WriteStream);
  return { screen, block };
}

test("lines are drawn in place, become more and fewer, and go without a trace", () => {
  const { screen, block } = onScreen();
  block.draw(["a", "b"]);
  expect(screen.lines).toEqual(["$ skein run", "a", "b", ""]);
  block.draw(["a", "c", "d"]);
  expect(screen.lines).toEqual(["$ skein run", "a", "c", "d", ""]);
  block.draw(["e"]);
  expect(screen.lines).toEqual(["$ skein run", "e", ""]);
  block.clear();
  block.clear();
  screen.write("done\n");
  expect(screen.lines).toEqual(["$ skein run", "done", ""]);
});

test("a line that is too wide takes one row, with or without colours", () => {
  const { screen, block } = onScreen(11);
  block.draw(["0123456789abcdef", bold("0123456789abcdef"), "next"]);
  expect(screen.lines).toEqual(["$ skein run", "01234…bcdef", "01234…bcdef", "next", ""]);
});

test("what a reason has in it moves no cursor and makes no line", () => {
  const { screen, block } = onScreen();
  block.draw(["\x1b[2A\x1b]52;c;aGk=\x07 \n $ x"]);
  expect(screen.lines).toEqual(["$ skein run", "␛[2A␛]52;c;aGk=␇ ␊ $ x", ""]);
});

test("lines that a narrower terminal has broken are all replaced", () => {
  const { screen, block } = onScreen(20);
  block.draw(["0123456789abcdef", "b"]);
  screen.narrow(10);
  block.draw(["c", "d"]);
  expect(screen.lines).toEqual(["$ skein ru", "n", "c", "d", ""]);
});

describe("what is said while a block is there", () => {
  const said = (screen: Screen) => TerminalBlock.above(() => screen.write("hello\n"));
  const nextTurn = () => new Promise(setImmediate);

  test("stands above it", async () => {
    const { screen, block } = onScreen();
    block.draw(["a", "b"]);
    screen.write("^C");
    said(screen);
    await nextTurn();
    expect(screen.lines).toEqual(["$ skein run", "hello", "a", "b", ""]);
    block.draw(["c"]);
    expect(screen.lines).toEqual(["$ skein run", "hello", "c", ""]);
  });

  test("stands alone where the block has been cleared since, or the process ends", async () => {
    const { screen, block } = onScreen();
    block.draw(["a", "b"]);
    said(screen);
    expect(screen.lines.filter(Boolean)).toEqual(["$ skein run", "hello"]);
    block.clear();
    await nextTurn();
    said(screen);
    await nextTurn();
    expect(screen.lines.filter(Boolean)).toEqual(["$ skein run", "hello", "hello"]);
  });
});

/** A wrong clock for a program in Node.js. */

/** Environment that makes `Date` wrong by so many milliseconds, from the program's first line on. */
export function clockWrongBy(ms: number): NodeJS.ProcessEnv {
  const code = `
    const Right = Date;
    globalThis.Date = class extends Right {
      constructor(...args) { super(...(args.length === 0 ? [Right.now() + ${ms}] : args)); }
      static now() { return Right.now() + ${ms}; }
    };`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}

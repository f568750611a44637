/** `skein`: runs this process's command line. */

import { commandLine } from "./command-line.ts";
import { allWritten, endWithReader } from "./print.ts";

endWithReader();
const code = await commandLine(process.argv.slice(2));
await allWritten();
// Not by itself: a connection to an API that fell silent would keep this process for minutes.
process.exit(code);

#!/usr/bin/env node
// Plain JavaScript, so that a Node.js too old for the rest can still say so.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `Assay needs Node.js 24 (22.18 at least) and this is ${process.versions.node}.\n` +
      "It brings its own: run it as `npx assay …` or `npm start` after `npm ci`, without --omit=optional.",
  );
  process.exit(1);
}
await import("./assay.ts");

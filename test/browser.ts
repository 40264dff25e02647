/** A real browser for the tests of the page; without one they are skipped and counted as skipped. */
import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const executablePath = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

export const hasBrowser = executablePath !== undefined;

const args =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split(
    " ",
  );

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ ...(executablePath && { executablePath }), args });
}

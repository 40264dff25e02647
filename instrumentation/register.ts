/**
 * The one import: `import "@assay/instrumentation/register"` first in a service, or require() of it, or
 * `node --import @assay/instrumentation/register`. It has no exports and no top-level await; importing it again does
 * nothing.
 */
import { guarded } from "./health.ts";
import { install } from "./install.ts";

guarded("starting", install);

/**
 * Writes what Grafana provisions: dashboards, where it finds them, and alert rules (provisioning/); contact points by service
 * (contact-points/); and the rules for Prometheus (prometheus/). npm run build:grafana
 *
 * `--page https://assay.example.com`: where Assay's page is, for links to traces and runbooks.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { contactPointFiles } from "./contact-points.ts";
import { DASHBOARDS } from "./dashboards.ts";
import { dashboardOf } from "./dashboard.ts";
import { prometheusFile } from "./prometheus-rules.ts";
import { rulesFile } from "./rule-file.ts";

const HERE = import.meta.dirname;
const HEAD = "# Written by `npm run build:grafana`.\n";
const PAGE = "http://127.0.0.1:8080";
const LINES = { lineWidth: 0, aliasDuplicateObjects: false };

/** By path under this folder. */
export function builtFiles(page = PAGE): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const spec of DASHBOARDS)
    files.set(
      `provisioning/dashboards/assay/${spec.uid}.json`,
      `${JSON.stringify(dashboardOf(spec, page), null, 2)}\n`,
    );
  const provider = {
    apiVersion: 1,
    providers: [
      {
        name: "assay",
        orgId: 1,
        folder: "LLM observability",
        type: "file",
        disableDeletion: true,
        allowUiUpdates: false,
        options: { path: "/etc/grafana/provisioning/dashboards/assay" },
      },
    ],
  };
  files.set("provisioning/dashboards/assay.yaml", HEAD + stringify(provider));
  files.set("provisioning/alerting/assay.yaml", HEAD + stringify(rulesFile(page), LINES));
  for (const [path, contents] of contactPointFiles())
    files.set(`contact-points/${path}`, HEAD + stringify(contents, LINES));
  files.set("prometheus/assay-rules.yaml", HEAD + stringify(prometheusFile(page), LINES));
  return files;
}

if (import.meta.main) {
  const { page = PAGE } = parseArgs({ options: { page: { type: "string" } } }).values;
  const dashboards = join(HERE, "provisioning", "dashboards", "assay");
  mkdirSync(dashboards, { recursive: true });
  for (const name of readdirSync(dashboards)) rmSync(join(dashboards, name));
  for (const [path, text] of builtFiles(page.replace(/\/$/, ""))) {
    mkdirSync(dirname(join(HERE, path)), { recursive: true });
    writeFileSync(join(HERE, path), text);
  }
}

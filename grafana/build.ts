/** Writes provisioning/: dashboards, where Grafana finds them, and alert rules. npm run build:grafana */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { DASHBOARDS } from "./dashboards.ts";
import { dashboardOf } from "./dashboard.ts";
import { rulesFile } from "./rules.ts";

const PROVISIONING = join(import.meta.dirname, "provisioning");
const HEAD = "# Written by `npm run build:grafana`.\n";

/** By path under provisioning/. */
export function builtFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const spec of DASHBOARDS)
    files.set(
      `dashboards/assay/${spec.uid}.json`,
      `${JSON.stringify(dashboardOf(spec), null, 2)}\n`,
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
  files.set("dashboards/assay.yaml", HEAD + stringify(provider));
  files.set("alerting/assay.yaml", HEAD + stringify(rulesFile(), { lineWidth: 0 }));
  return files;
}

if (import.meta.main) {
  const folder = join(PROVISIONING, "dashboards", "assay");
  mkdirSync(folder, { recursive: true });
  mkdirSync(join(PROVISIONING, "alerting"), { recursive: true });
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  for (const [path, text] of builtFiles()) writeFileSync(join(PROVISIONING, path), text);
}

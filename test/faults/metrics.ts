/** The samples of a process's /metrics, by name with labels. */
export async function metricsOf({ metrics }: { metrics: string }): Promise<Map<string, number>> {
  const text = await (await fetch(`${metrics}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))] as const;
    }),
  );
}

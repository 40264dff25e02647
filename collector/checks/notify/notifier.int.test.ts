/** The notifier against receivers over HTTP that speak as PagerDuty, Slack, Opsgenie and a webhook's owner do. */
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseChecksConfig } from "../config.ts";
import type { Result } from "./incident.ts";
import { type MailServer, startMailServer } from "./testing-mail-server.ts";
import { Notifier } from "./notifier.ts";

interface Received {
  path: string;
  headers: IncomingMessage["headers"];
  text: string;
  body: any;
}

let server: Server;
let url: string;
let received: Received[];
let status: number;
let dir: string;
let nowMs: number;
let said: string[];
let notifier: Notifier;
let arrived: () => void;
/** Where mail goes. */
let smtp = "smtp://127.0.0.1:1";

beforeEach(async () => {
  received = [];
  status = 202;
  said = [];
  nowMs = Date.UTC(2026, 10, 24, 12);
  dir = mkdtempSync(join(tmpdir(), "assay-notify-"));
  arrived = () => {};
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      if (status < 400)
        received.push({
          path: request.url ?? "",
          headers: request.headers,
          text,
          body: text ? JSON.parse(text) : undefined,
        });
      response.writeHead(status).end();
      arrived();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await notifier.stop();
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true, force: true });
});

const KEYS = { PD: "pd-secret", SLACK_URL: "", OG: "og-secret", HOOK: "hook-secret" };

function start(more = "", channels = ["pagerduty", "slack"]): void {
  const all: Record<string, string> = {
    pagerduty: `{ kind: pagerduty, name: pagerduty, routing_key: { env: PD }, url: "${url}/pd" }`,
    slack: `{ kind: slack, name: slack, severities: [page, ticket], url: { env: SLACK_URL } }`,
    opsgenie: `{ kind: opsgenie, name: opsgenie, api_key: { env: OG }, url: "${url}/og" }`,
    email: `{ kind: email, name: email, smtp: { env: SMTP }, from: "assay@example.com", to: [ada@example.com, bob@example.com] }`,
    webhook: `{ kind: webhook, name: webhook, url: "${url}/hook", secret: { env: HOOK } }`,
  };
  const text = `notify:\n  page: "https://assay.example"\n  wait: 30s\n  repeat: 4h\n  ${more}\n  channels:\n${channels.map((name) => `    - ${all[name]}`).join("\n")}`;
  const { notify } = parseChecksConfig(
    text,
    { ...KEYS, SLACK_URL: `${url}/slack`, SMTP: smtp },
    "test",
  );
  notifier = new Notifier({
    config: notify!,
    file: join(dir, "state.json"),
    log: (_level, message) => void said.push(message),
    now: () => nowMs,
    lookMs: 30,
  });
}

function result(check: string, state: string, more: Partial<Result> = {}): Result {
  return {
    check_name: check,
    project: "shop",
    series: "",
    subject: "cost",
    severity: "page",
    state,
    since: nowMs / 1_000 - 600,
    event_time: nowMs / 1_000,
    estimate: 12,
    low: 11,
    high: 13,
    baseline: 5,
    n: 170,
    reason: "cost is $12 an hour over 10m, usually $5 at this hour",
    moved_by: "",
    worst_traces: ["0af7651916cd43dd8448eb211c80319c"],
    ...more,
  };
}

/** Until `count` messages were taken, or it is plain that no more come. */
async function until(count: number): Promise<void> {
  const deadline = AbortSignal.timeout(10_000);
  while (received.length < count) {
    if (deadline.aborted)
      throw new Error(`${received.length} of ${count} messages came: ${said.join("; ")}`);
    await new Promise<void>((resolve) => {
      arrived = resolve;
      setTimeout(resolve, 500).unref();
    });
  }
}

/** Long enough for several rounds. */
async function nothingMore(count: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(received).toHaveLength(count);
}

const at = (path: string): Received[] => received.filter((one) => one.path.startsWith(path));

describe("one incident", () => {
  test("is one page, grouped, and one resolve, through a restart in the middle", async () => {
    start();
    notifier.take([
      result("cost-spike", "firing"),
      result("cost-slices", "firing", { series: "model=m", severity: "ticket" }),
    ]);
    nowMs += 31_000;
    await until(2);
    expect(at("/pd")[0]!.body).toMatchObject({
      routing_key: "pd-secret",
      event_action: "trigger",
      payload: {
        summary: "shop: cost is $12 an hour over 10m, usually $5 at this hour (and 1 more)",
        severity: "critical",
        source: "shop",
        component: "cost",
      },
      links: [{ href: "https://assay.example/#/checks?project=shop" }],
    });
    const { text } = at("/slack")[0]!.body as { text: string };
    for (const part of [
      "since 2026-11-24T11:50Z",
      "95 %: 11 to 13, 170 records",
      "#/traces/0af7651916cd43dd8448eb211c80319c",
    ])
      expect(text).toContain(part);

    await notifier.stop();
    start();
    // What the checks found stands in the store: after a start all of it comes again.
    notifier.take([
      result("cost-spike", "firing"),
      result("cost-slices", "firing", { series: "model=m", severity: "ticket" }),
    ]);
    await nothingMore(2);
    notifier.take([
      result("cost-spike", "ok"),
      result("cost-slices", "no_data", { series: "model=m" }),
    ]);
    await nothingMore(2);
    notifier.take([result("cost-slices", "ok", { series: "model=m" })]);
    await until(4);
    expect(at("/pd")[1]!.body).toEqual({
      routing_key: "pd-secret",
      dedup_key: at("/pd")[0]!.body.dedup_key,
      event_action: "resolve",
    });
    expect(at("/slack")[1]!.body.text).toContain("shop: cost is as it was");
    await expect.poll(() => notifier.stats()).toMatchObject({ openIncidents: 0, waiting: 0 });
  });

  test("whose receiver is away is told once it is back, once", async () => {
    status = 503;
    start("", ["pagerduty"]);
    notifier.take([result("cost-spike", "firing")]);
    nowMs += 31_000;
    await new Promise<void>((resolve) => (arrived = resolve));
    await notifier.stop();
    expect(JSON.parse(readFileSync(join(dir, "state.json"), "utf8")).waiting).toHaveLength(1);
    expect(statSync(join(dir, "state.json")).mode & 0o777).toBe(0o600);
    start("", ["pagerduty"]);
    status = 202;
    nowMs += 3_600_000;
    await until(1);
    await nothingMore(1);
    await expect.poll(() => notifier.stats()).toMatchObject({ waiting: 0, openIncidents: 1 });
  });

  test("that is a ticket and gets worse is told to those who are paged, and again while it lasts", async () => {
    start();
    notifier.take([result("cost-slices", "firing", { severity: "ticket" })]);
    nowMs += 31_000;
    await until(1);
    expect(received[0]!.path).toBe("/slack");
    notifier.take([result("cost-spike", "firing")]);
    await until(3);
    expect(at("/pd")).toHaveLength(1);
    nowMs += 4 * 3_600_000;
    await until(4);
    expect(at("/slack")[2]!.body.text).toContain("shop: still cost is");
    await nothingMore(4);
  });

  test("that is over before anybody was told is not told", async () => {
    start();
    notifier.take([result("cost-spike", "firing")]);
    notifier.take([result("cost-spike", "ok")]);
    nowMs += 60_000;
    await nothingMore(0);
  });

  test("in a window in which nothing is said is told after it", async () => {
    start("mute: [{ days: [tue], from: '11:00', to: '13:00' }]", ["pagerduty"]);
    notifier.take([result("cost-spike", "firing")]);
    nowMs += 60_000;
    await nothingMore(0);
    nowMs = Date.UTC(2026, 10, 24, 13, 1);
    await until(1);
  });
});

describe("receivers", () => {
  test("a webhook can tell that it is from us; Opsgenie closes what it opened", async () => {
    start("", ["webhook", "opsgenie"]);
    notifier.take([result("cost-spike", "firing")]);
    nowMs += 31_000;
    await until(2);
    const hook = at("/hook")[0]!;
    const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(
      String(hook.headers["assay-signature"]),
    )!;
    expect(signature).toBe(
      createHmac("sha256", "hook-secret").update(`${time}.${hook.text}`).digest("hex"),
    );
    expect(hook.body).toMatchObject({ event: "open", severity: "page" });
    notifier.take([result("cost-spike", "ok")]);
    await until(4);
    const [opened, closed] = at("/og");
    expect(opened!.headers.authorization).toBe("GenieKey og-secret");
    expect(closed!.path).toBe(`/og/${opened!.body.alias}/close?identifierType=alias`);
  });

  test("one that refuses is given up, counted and named, without its key", async () => {
    status = 400;
    start("", ["pagerduty"]);
    notifier.take([result("cost-spike", "firing")]);
    nowMs += 31_000;
    await new Promise<void>((resolve) => (arrived = resolve));
    await notifier.stop();
    expect(Object.fromEntries(notifier.stats().dropped)).toEqual({ pagerduty: 1 });
    expect(said.join()).toContain('pagerduty did not take "open" of shop: refused with 400');
    expect(said.join()).not.toContain("secret");
  });

  test("names from services are no markup for Slack", async () => {
    start("", ["slack"]);
    notifier.take([result("cost-spike", "firing", { project: "<!channel>" })]);
    nowMs += 31_000;
    await until(1);
    expect(received[0]!.body.text).toContain("&lt;!channel&gt;");
  });

  test("the dead-man's switch hears while checks are evaluated, and not when they are late", async () => {
    start(`heartbeat: "${url}/alive"`, ["slack"]);
    notifier.beat(0);
    await until(1);
    notifier.beat(0);
    nowMs += 61_000;
    notifier.beat(3_600);
    await nothingMore(1);
    notifier.beat(10);
    await until(2);
  });
});

describe("e-mail", () => {
  let mailServer: MailServer;
  beforeEach(async () => {
    mailServer = await startMailServer(() => arrived());
    smtp = `smtp://assay:p%40ss@127.0.0.1:${mailServer.port}`;
  });
  afterEach(() => mailServer.stop());

  test("comes as one thread, with what a page says", async () => {
    start("", ["email"]);
    notifier.take([result("cost-spike", "firing", { project: "shop\r\nBcc: eve@example.com" })]);
    nowMs += 31_000;
    await expect.poll(() => mailServer.mails.length).toBe(1);
    const [mail] = mailServer.mails;
    expect(mail!.to).toEqual(["ada@example.com", "bob@example.com"]);
    expect(mail!.login).toBe(Buffer.from("\0assay\0p@ss").toString("base64"));
    for (const part of [
      /^From: assay@example\.com$/m,
      /^Subject: shop Bcc: eve@example\.com: cost is \$12 an hour/m,
      /^Auto-Submitted: auto-generated$/m,
      /since 2026-11-24T11:50Z/,
      /#\/traces\/0af7651916cd43dd8448eb211c80319c/,
      /runbooks\/cost-spike/,
    ])
      expect(mail!.text).toMatch(part);
    expect(mail!.text.split("\n\n")[0]).not.toMatch(/^Bcc:/m);
    notifier.take([result("cost-spike", "ok", { project: "shop\r\nBcc: eve@example.com" })]);
    await expect.poll(() => mailServer.mails.length).toBe(2);
    const thread = /^References: (<.+>)$/m;
    expect(thread.exec(mailServer.mails[1]!.text)![1]).toBe(thread.exec(mail!.text)![1]);
  });

  test("that is put off is sent again, one that is not wanted is given up", async () => {
    mailServer.answer = "451 later";
    start("", ["email"]);
    notifier.take([result("cost-spike", "firing")]);
    nowMs += 31_000;
    await expect.poll(() => notifier.stats().failedAttempts.get("email")).toBe(1);
    mailServer.answer = "550 no";
    nowMs += 3_600_000;
    await expect.poll(() => notifier.stats().dropped.get("email")).toBe(1);
    expect(said.join()).toContain("refused with 550");
    expect(said.join()).not.toContain("p@ss");
    expect(said.join()).not.toContain("p%40ss");
  });
});

test("a state file that cannot be read is said, and incidents are told anew", async () => {
  writeFileSync(join(dir, "state.json"), "{");
  start("", ["pagerduty"]);
  notifier.take([result("cost-spike", "firing")]);
  nowMs += 31_000;
  await until(1);
  expect(said.join()).toContain("cannot be read");
});

describe("a file with mistakes", () => {
  const mistakes: [string, string, string][] = [
    [
      "a variable that is not set",
      "notify: { channels: [{ kind: pagerduty, name: a, routing_key: { env: NOT_SET } }] }",
      "expected the environment to have NOT_SET",
    ],
    [
      "a name twice",
      "notify: { channels: [{ kind: slack, name: a, url: { env: PD } }, { kind: slack, name: a, url: { env: PD } }] }",
      'got "a" twice',
    ],
    ["an unknown check's part", "checks: { cost-spike: { test: { ratoi: 2 } } }", "ratoi"],
    [
      "an unknown kind",
      "notify: { channels: [{ kind: pager, name: a }] }",
      "notify.channels.0.kind",
    ],
    [
      "a time of day",
      "notify: { channels: [{ kind: slack, name: a, url: { env: PD } }], mute: [{ from: '25:00', to: '06:00' }] }",
      "expected a time of day",
    ],
  ];
  test.each(mistakes)("%s", (_name, text, message) => {
    start("", ["slack"]);
    expect(() => parseChecksConfig(text, KEYS, "test")).toThrow(message);
  });
});

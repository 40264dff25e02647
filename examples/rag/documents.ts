/** The handbook: Markdown files, cut at their `##` headings into the passages that the retriever finds. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Passage {
  /** `billing#invoices` */
  id: string;
  /** `Plans and billing › Invoices` */
  title: string;
  text: string;
}

export function readPassages(directory: string): Passage[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith(".md"))
    .toSorted()
    .flatMap((file) =>
      splitDocument(file.slice(0, -3), readFileSync(join(directory, file), "utf8")),
    );
}

function splitDocument(name: string, markdown: string): Passage[] {
  const [head = "", ...sections] = markdown.split(/^## /m);
  const [heading = "", ...introduction] = head.split("\n");
  const document = heading.replace(/^# /, "").trim();
  const passages = sections.map((section) => {
    const [title = "", ...lines] = section.split("\n");
    return {
      id: `${name}#${title
        .trim()
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")}`,
      title: `${document} › ${title.trim()}`,
      text: lines.join("\n").trim(),
    };
  });
  const opening = introduction.join("\n").trim();
  return opening === "" ? passages : [{ id: name, title: document, text: opening }, ...passages];
}

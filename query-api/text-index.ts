/**
 * The text that content is searched as, and the optional index over it (docs/query-speed.md): off unless it is made, since it costs at
 * ingest. The engine uses it by itself where the expression is this very one.
 */
const PARTS = ["system", "input", "output", "query", "documents", "arguments", "result"] as const;

export const SEARCHED_PARTS = PARTS;

/** A row's content, in lower case (of ASCII letters), as one text. */
export const CONTENT_TEXT = `lower(concat(${PARTS.map((part) => `content_${part}`).join(", ' ', ")}))`;

/** Makes the index, and gives it to what is stored already. The second takes a while; both can be run again. */
export const TEXT_INDEX_SQL = [
  `ALTER TABLE span_content ADD INDEX IF NOT EXISTS ix_text ${CONTENT_TEXT} TYPE text(tokenizer = 'splitByNonAlpha')`,
  "ALTER TABLE span_content MATERIALIZE INDEX ix_text",
];

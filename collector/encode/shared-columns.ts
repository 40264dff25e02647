/**
 * Columns that all rows of a resource or scope have in common: they are told once what the rows from here on have, and
 * write the run when something else comes. Senders repeat themselves, so a request of one span usually costs one
 * comparison of its resource's bytes here, and one of its scope's.
 */
import type { WireReader } from "../otlp/wire.ts";
import type { DictionaryColumn } from "./dictionary-column.ts";
import { Interner, NOT_FOUND } from "./interner.ts";
import type { Columns } from "./layout.ts";
import type { SharedEntries, SharedMapColumn } from "./list-column.ts";
import { ResourceContext, ScopeContext, type SharedSpots } from "./resource.ts";

/** Resources, and scopes, remembered at once; more, or larger ones, are decoded each time. */
const MAX_CONTEXTS = 256;
const MAX_MESSAGE_BYTES = 4096;

/** Contexts by the bytes that they were made from. */
class ContextCache<Context extends { schemaUrl: Uint8Array }> {
  readonly #make: new (reader: WireReader, spots: SharedSpots) => Context;
  readonly #messages = new Interner([], MAX_CONTEXTS, MAX_MESSAGE_BYTES);
  readonly #contexts: (Context | undefined)[] = [];
  #last = NOT_FOUND;

  constructor(make: new (reader: WireReader, spots: SharedSpots) => Context) {
    this.#make = make;
  }

  find(reader: WireReader, spots: SharedSpots): Context {
    const number = this.#numberOf(reader, spots);
    if (number === NOT_FOUND) return new this.#make(reader, spots);
    const known = this.#contexts[number];
    if (known !== undefined && hasSchema(reader, spots, known.schemaUrl)) return known;
    return (this.#contexts[number] = new this.#make(reader, spots));
  }

  /** None for more than one message, which is as rare as it is legal. */
  #numberOf({ body, view }: WireReader, { messages }: SharedSpots): number {
    if (messages.length > 2) return NOT_FOUND;
    const [from = 0, to = 0] = messages;
    if (this.#last === NOT_FOUND || !this.#messages.is(this.#last, body, view, from, to)) {
      this.#last = this.#messages.intern(body, view, from, to);
    }
    return this.#last;
  }

  /** Between blocks: makes room for new ones. */
  rest(): void {
    if (!this.#messages.full) return;
    this.#messages.forget();
    this.#contexts.length = 0;
    this.#last = NOT_FOUND;
  }
}

function hasSchema({ body }: WireReader, spots: SharedSpots, url: Uint8Array): boolean {
  const { schemaAt, schemaEnd } = spots;
  if (schemaEnd - schemaAt !== url.length) return false;
  for (let i = 0; i < url.length; i++) if (body[schemaAt + i] !== url[i]) return false;
  return true;
}

export class SharedColumns {
  readonly #columns: Columns;
  readonly #resources = new ContextCache(ResourceContext);
  readonly #scopes = new ContextCache(ScopeContext);
  #resource: ResourceContext | undefined;
  #scope: ScopeContext | undefined;
  /** Maps as this block has them: their keys are places in its dictionaries. */
  readonly #entries = new Map<ResourceContext | ScopeContext, SharedEntries>();

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  /** Rows from this one on belong to the resource that lies there. */
  resource(row: number, reader: WireReader, spots: SharedSpots): ResourceContext {
    const context = this.#resources.find(reader, spots);
    if (context === this.#resource) return context;
    this.#resource = context;
    const columns = this.#columns;
    fill(columns.project, row, context.project);
    fill(columns.service, row, context.service);
    fill(columns.service_version, row, context.serviceVersion);
    fill(columns.environment, row, context.environment);
    fill(columns.release, row, context.release);
    fill(columns.region, row, context.region);
    fill(columns.resource_schema_url, row, context.schemaUrl);
    columns.resource.fillFrom(row, this.#entriesOf(context, columns.resource));
    return context;
  }

  /** Rows from this one on belong to the scope that lies there. */
  scope(row: number, reader: WireReader, spots: SharedSpots): ScopeContext {
    const context = this.#scopes.find(reader, spots);
    if (context === this.#scope) return context;
    this.#scope = context;
    const columns = this.#columns;
    fill(columns.scope_name, row, context.name);
    fill(columns.scope_version, row, context.version);
    fill(columns.scope_schema_url, row, context.schemaUrl);
    columns.scope_attributes.fillFrom(row, this.#entriesOf(context, columns.scope_attributes));
    return context;
  }

  #entriesOf(context: ResourceContext | ScopeContext, column: SharedMapColumn): SharedEntries {
    const known = this.#entries.get(context);
    if (known !== undefined) return known;
    const keys = Int32Array.from(context.keys, (key) => column.keys.placeOfText(key));
    const entries = { keys, encodedValues: context.encodedValues };
    // Contexts that are not remembered must not pile up here.
    if (this.#entries.size < MAX_CONTEXTS) this.#entries.set(context, entries);
    return entries;
  }

  /** Places are good within one block, and while no row is taken back. */
  forgetPlaces(): void {
    this.#resource = undefined;
    this.#scope = undefined;
    this.#entries.clear();
  }

  /** Between blocks. */
  rest(): void {
    this.forgetPlaces();
    this.#resources.rest();
    this.#scopes.rest();
  }
}

function fill(column: DictionaryColumn, row: number, text: Uint8Array): void {
  column.fillFrom(row, column.placeOfText(text));
}

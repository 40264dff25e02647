/** What is said in the generated history, beside the handbook's questions. */

export interface Exchange {
  question: string;
  answer: string;
  documents: { id: string; content: string }[];
}

function product(
  id: string,
  content: string,
  ...pairs: [question: string, answer: string][]
): Exchange[] {
  return pairs.map(([question, answer]) => ({ question, answer, documents: [{ id, content }] }));
}

/** The assistant of an outdoor shop. */
export const SHOP_EXCHANGES: readonly Exchange[] = [
  ...product(
    "tent-ridge-2",
    "Ridge 2: tent for two, 1.9 kg, floor 215 × 130 cm, water column 3,000 mm, two entrances, poles of aluminium. 349 euros.",
    ["How heavy is the Ridge 2 tent?", "The Ridge 2 weighs 1.9 kg, poles included."],
    [
      "Is the Ridge 2 high enough for heavy rain?",
      "Yes: its fly has a water column of 3,000 mm, which is made for lasting rain.",
    ],
    ["Does the Ridge 2 have two doors?", "Yes, the Ridge 2 has two entrances, one on each side."],
  ),
  ...product(
    "bag-polar-9",
    "Polar -9: down sleeping bag, comfort -3 °C, limit -9 °C, 980 g, fill 750 cuin, lengths M and L. 289 euros.",
    [
      "Down to what temperature can I use the Polar sleeping bag?",
      "The Polar -9 is comfortable down to -3 °C; its limit is -9 °C.",
    ],
    [
      "I am 1.90 m tall, which length of the Polar do I need?",
      "At 1.90 m the length L is the right one for you.",
    ],
    [
      "What does the Polar weigh?",
      "It weighs 980 grams in length M; the longer one is a little heavier.",
    ],
  ),
  ...product(
    "boot-alta-gtx",
    "Alta GTX: hiking boot, waterproof membrane, sizes 36–48, can be resoled, 1,240 g a pair in 42. 219 euros.",
    ["Can the Alta boots be resoled?", "Yes, the Alta GTX can be resoled by our workshop."],
    ["Do you have the Alta in size 48?", "Yes, the Alta GTX is made in sizes 36 to 48."],
    [
      "Are the Alta boots waterproof?",
      "They are: a membrane keeps water out while letting moisture escape.",
    ],
  ),
  ...product(
    "delivery",
    "Orders before 14:00 leave the same day. Delivery takes one to three working days and is free from 60 euros. Returns within 60 days.",
    [
      "When will my order arrive if I order now?",
      "Orders placed before 14:00 leave today and arrive within one to three working days.",
    ],
    ["Is delivery free?", "Delivery is free for orders from 60 euros."],
    [
      "Can I send back a tent I have pitched once?",
      "You can return it within 60 days, as long as it is clean and complete.",
    ],
  ),
  ...product(
    "stove-ember",
    "Ember: gas stove, 83 g, 3,200 W, boils a litre in 3:40 min, with piezo ignition, for screw cartridges. 54 euros.",
    [
      "How fast does the Ember boil a litre of water?",
      "The Ember boils one litre in about 3 minutes and 40 seconds.",
    ],
    [
      "Which cartridges fit the Ember stove?",
      "All screw cartridges with the usual Lindal valve fit the Ember.",
    ],
  ),
];

export interface Mail {
  text: string;
  label: "order status" | "complaint" | "invoice" | "return" | "praise" | "spam";
}

export const MAILS: readonly Mail[] = [
  {
    text: "Hello, my order from last Tuesday still has not arrived. The tracking says it is in Leipzig since three days. Could you please look into it?",
    label: "order status",
  },
  { text: "Where is my parcel? It was promised for Friday.", label: "order status" },
  {
    text: "The zip of the jacket broke on the second day. For that price I expected better. I want it repaired or my money back.",
    label: "complaint",
  },
  {
    text: "Nobody answers your telephone! I have been waiting for a reply since a week and I am quite annoyed by now.",
    label: "complaint",
  },
  {
    text: "Please send the invoice for our order of March to our accounting department; it must show the VAT number.",
    label: "invoice",
  },
  {
    text: "I was charged twice for one order. Please check and refund one of the payments.",
    label: "invoice",
  },
  { text: "The boots are too small. How can I exchange them for a 43?", label: "return" },
  {
    text: "I would like to return the tent. It is unused. Do I have to print the label myself?",
    label: "return",
  },
  {
    text: "Just wanted to say thank you: the advice in your chat was excellent and the bag kept me warm at -5.",
    label: "praise",
  },
  {
    text: "Dear Sir, we offer first page ranking for your website at the best price, reply today.",
    label: "spam",
  },
  {
    text: "Is it possible to change the delivery address of my order? I moved last week and forgot to tell you.",
    label: "order status",
  },
  {
    text: "One pole of the tent was missing in the box. We leave for our trip on Saturday, can you send it by express?",
    label: "complaint",
  },
];

export const SHOP_INSTRUCTIONS = `You are the assistant of an outdoor shop. Answer from the product data below, briefly and kindly. Never promise prices or dates that are not in it.`;

export const TRIAGE_INSTRUCTIONS = `Sort the customer's e-mail into one of: order status, complaint, invoice, return, praise, spam.
Answer with JSON: {"label": "…", "urgent": true or false}. An e-mail is urgent when the customer names a date within a week, or is angry.`;

export const DIGEST_INSTRUCTIONS = `Summarise the e-mails of the last hour for the team lead in two sentences: what customers want most, and what is urgent.`;

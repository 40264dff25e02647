export type Logger = (level: "info" | "warn" | "error", message: string) => void;
